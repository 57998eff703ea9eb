"""Worker processes of our own: warm, bounded, replaced after a crash, really killed."""

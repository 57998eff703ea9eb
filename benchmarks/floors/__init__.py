"""What nothing can be quicker than, on this machine and at this moment."""

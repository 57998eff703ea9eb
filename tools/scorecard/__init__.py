"""The scorecard: which tests show which line of what is promised, and what they last reached."""

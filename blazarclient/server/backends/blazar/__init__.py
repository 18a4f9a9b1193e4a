"""In front of a Blazar: what it is asked, and what it answers, byte for byte where it can be."""

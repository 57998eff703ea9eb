"""A web service that submits, reports and steers; what it has accepted survives ``kill -9``."""

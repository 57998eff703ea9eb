"""The PostgreSQL store: one schema, any number of processes on any number of machines.

Read ``store`` for the verbs, ``database`` for what they are written in, ``schema/`` for the
tables.
"""

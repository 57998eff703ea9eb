"""What the verbs do to rows, once for every store that keeps them in tables.

No SQL here and nothing that waits: ``protocol.Rows`` is all that a verb asks of a transaction.
A store finds rows and writes them; what a claim, a checkpoint or a request means is told here.
"""

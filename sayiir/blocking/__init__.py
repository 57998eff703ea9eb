"""The blocking forms of client, runner and worker: the same methods over a portal thread.

Each object owns one thread with an event loop, so it works in scripts, in a notebook cell
(inside a running loop) and inside tasks. The code is in the async twins. Each stands in a module of
its own: who only submits doesn't load the engine's loops.
"""

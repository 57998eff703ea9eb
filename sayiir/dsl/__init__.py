"""The language: tasks, flows, the graph they build, its checks and its hash. Pure."""

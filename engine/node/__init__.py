"""What a node is, for everything that runs in one or looks at one: settings, data directory, processes.

Reading order: config (every setting, and where its value came from), manifest (what is fixed for the life of
a data directory), data_directory (what lies where in it), foreign (appending to it beside a node),
run_directory (what exists only while a node runs), running (finding a running node), status (the page on
which each process shows its state), child and policy (how a process is started, and what happens when it
ends).
"""

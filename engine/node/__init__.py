"""The node, for everything that runs in one or looks at one: settings, data directory, processes.

Reading order: clock, config and setting_files (every setting, and where its value came from), extras (what
some of them need), manifest (what is fixed for the life of a data directory), data_directory (what lies
where in it), foreign (appending to it from outside), misplaced (what is in the place of something that is
made again), roles (the processes of a node, and the rings between them), description (what the supervisor
tells its processes), endpoints (how clients reach it), claim (that no other program is there),
run_directory (what exists only while a node runs), running (finding a running node), followers and overview
(its views and the others, and how far each is), front (where HTTP is served), status (the page on which
each process shows its state), meters (what each process counts), cluster_view (the other nodes), process
(what every process shares), child and policy (how a process is started, and what happens when it ends),
failure (why a follower was given up), senders and peers (who sends how much, and where they are).
"""

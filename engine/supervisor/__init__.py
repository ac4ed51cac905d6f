"""The supervisor, and the handle for tests and programs.

Reading order: supervisor (starts, watches and stops the processes of a node), beginning (what is history to
followers that are new), given_up (followers that it does without), notify (what systemd is told), node
(`Node`, a node of your own).
"""

"""The demonstration, the command `demo`: a day of trains on sale, several clients who buy, and every check.

Reading order: command (the options, and the node that it runs on), story (what is shown, in this order),
seller (one client process: a calm hour, then a rush), board (what is left on the most wanted journey, before
and after), checks (every answer against the log, the log against the rules, the view against the log), screen
(the terminal).
"""

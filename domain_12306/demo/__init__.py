"""The demonstration, the command `demo`: a country on sale, whole orders, clients who buy, every check.

Reading order: command (the options, and the node that it runs on), story (what is shown, in this order),
orders (a passenger's, from the search to the ticket), seller (one client process: a calm hour, then a rush),
board (what is left on the most wanted journey, before and after), checks (every answer against the log, the
log against the rules, the view against the log), screen (the terminal).
"""

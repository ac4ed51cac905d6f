"""China's railway ticketing as a domain of the engine. Reading order: messages (what can be asked, and what
happens), rejections (why not), timetable, builtin_timetable and coaches (what runs), seats, gaps and plan
(what can be sold), policy (which seat), train_run (the aggregate), answers, board, tables, changes and
inventory (the view), app (all of it), audit (whether it was right), demand and synthetic (travellers for the
demo and for benchmarks), command_line (settings and commands), demo (all of it shown at work).
"""

"""China's railway ticketing as a domain of the engine. Reading order: `messages` (what can be asked and
what happens) and `rejections` (why not), `timetable` and `coaches` (what runs), `seats`, `gaps` and `plan`
(what can be sold), `policy` (which seat), `train_run` (the aggregate); then the view: `answers`, `board`,
`tables`, `changes`, `inventory`; then `app` (all of it), `audit` (was it right?), and who travels: `demand`
on real trains, `synthetic` for benchmarks.
"""

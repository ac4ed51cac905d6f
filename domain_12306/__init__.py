"""China's railway ticketing as a domain of the engine. Reading order: `messages` (what can be asked and
what happens), `timetable` and `coaches` (what runs), `seats` and `gaps` (what can be sold), `policy`
(which seat), `train_run` (the aggregate), `inventory` (the view), `app` (all of it), `demand` (who travels).
"""

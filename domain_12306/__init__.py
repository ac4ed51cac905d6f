"""China's railway ticketing as a domain of the engine, in rooms: each imports only those before it.

Reading order: messages (what can be asked, and what happens), seating (seats without trains), reference (what
runs), rules (as tables), aggregates (what decides), managers (what takes an order from one to the next),
views (what passengers see), workers (what reaches outside), tickets (a client's side of it), app (all of it
as one application), workload (made-up travellers), command_line (settings and commands), demo (all of it
shown at work).
"""

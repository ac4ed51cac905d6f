"""Who is who: every process has a name of its own, and every ring leads from one of them to another."""

from engine.node.roles import INPUT, RINGS, Kind, Role, roles_of


def test_every_role_has_a_name_of_its_own() -> None:
    roles = roles_of(2, ["notes", "totals"], ["notes"], snapshots=True)
    assert [role.name for role in roles] == [
        "input",
        "core-0",
        "core-1",
        "output-0",
        "output-1",
        "projector-notes",
        "projector-totals",
        "manager-notes",
        "reader",
        "snapshotter",
    ]


def test_without_snapshots_no_process_takes_them() -> None:
    assert Kind.SNAPSHOTTER not in {role.kind for role in roles_of(1, [], [], snapshots=False)}


def test_rings_join_the_pipeline_to_a_circle_and_nothing_else() -> None:
    assert [(ring.writer, ring.reader) for ring in RINGS] == [
        (Kind.INPUT, Kind.CORE),
        (Kind.CORE, Kind.OUTPUT),
        (Kind.OUTPUT, Kind.INPUT),
    ]
    assert len({ring.name for ring in RINGS}) == len(RINGS)
    assert all(Role(kind).in_pipeline for ring in RINGS for kind in (ring.writer, ring.reader))


def test_the_input_is_one_for_all_partitions() -> None:
    assert Role(Kind.INPUT, 3).name == INPUT.name

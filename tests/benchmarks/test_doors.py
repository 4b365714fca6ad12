"""The benchmark of the doors shows each extension beside the quick door, and which line closed that."""

import doors


def test_each_extension_is_measured_and_only_the_app_without_any_keeps_the_quick_door(capsys):
    doors.main(rounds=1, requests=1)

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(doors.ASKED) * len(doors.EXTENSIONS)
    for name in doors.EXTENSIONS:
        shown = [line for line in lines if f" {name}  " in line]
        assert len(shown) == len(doors.ASKED)
        assert all(line.endswith("WSGI") == (name == "none") for line in shown)

"""An answer is what a page shows, or the page fails."""

import pytest
from guide_tools.answers import differs
from guide_tools.reader import Reader, commands


@pytest.mark.parametrize(
    ("shown", "actual"),
    [
        pytest.param('{"a": 1, "b": [2]}', '{"b":[2],"a":1}', id="json-in-another-order"),
        pytest.param('{"a": 1, …}', '{"a":1,"b":2}', id="rest-of-an-object-left-out"),
        pytest.param('{"a": …}', '{"a":{"b":2}}', id="value-left-out"),
        pytest.param('[{"a": "x…"}, …]', '[{"a":"xyz"},2,3]', id="rest-of-a-list-and-part-of-a-text-left-out"),
        pytest.param("one\n…\nlast", "one\ntwo\nthree\nlast\n", id="lines-left-out"),
        pytest.param("one\n…", "one\n", id="no-line-left-to-leave-out"),
        pytest.param("took … ms", "took 12 ms", id="part-of-a-line-left-out"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_what_is_shown_stands_for_the_answer(shown, actual):
    assert differs(shown, actual) is None


@pytest.mark.parametrize(
    ("shown", "actual", "reason"),
    [
        pytest.param('{"a": 1}', '{"a":2}', "/a", id="another-value"),
        pytest.param('{"a": 1}', '{"a":true}', "/a", id="true-is-not-one"),
        pytest.param('{"a": 1}', '{"a":1,"b":2}', "'b'", id="a-member-more"),
        pytest.param('{"a": 1, "b": 2, …}', '{"a":1}', "'b'", id="a-member-less"),
        pytest.param("[1]", "[1,2]", "1 items", id="an-item-more"),
        pytest.param("[1, 2, …]", "[1]", "2 items", id="an-item-less"),
        pytest.param('{"a": "x…"}', '{"a":"yx"}', "/a", id="another-text"),
        pytest.param("not found", '{"a":1}', "no JSON", id="json-where-text-is-shown"),
        pytest.param("one\ntwo", "one\nthree", "It was", id="another-line"),
    ],
)
def test_another_answer_is_told_with_its_place(shown, actual, reason):
    assert reason in (differs(shown, actual) or "")


def test_a_block_holds_commands_each_with_what_it_prints():
    block = '$ curl --json \'{\n  "a": 1\n}\' http://x\n{"id": 1}\n$ ls -l \\\n  folder\nfile\n'

    assert list(commands(block)) == [
        ("curl --json '{\n  \"a\": 1\n}' http://x", '{"id": 1}'),
        ("ls -l    folder", "file"),
    ]


@pytest.fixture
def reader(tmp_path):
    made = Reader(tmp_path, real=False)
    yield made
    made.close()


PROGRAM = """# app.py
from flask import Flask

app = Flask(__name__)


@app.get("/")
def hello():
    return {"said": "hello"}
"""


def test_a_program_is_saved_served_and_asked(reader):
    assert reader.save(PROGRAM) is None
    assert reader.run('$ flask run\n$ curl http://127.0.0.1:5000/\n{"said": "hello"}\n') is None
    assert "/said" in reader.run('$ curl http://127.0.0.1:5000/\n{"said": "goodbye"}\n')


def test_a_changed_line_is_served(reader):
    reader.save(PROGRAM)
    reader.run("$ flask run")

    assert reader.save('# app.py, in place of:     return {"said": "hello"}\n    return {"said": "bye"}\n') is None
    assert reader.run('$ curl http://127.0.0.1:5000/\n{"said": "bye"}\n') is None


def test_what_was_printed_is_kept_and_used_where_a_shell_would_use_it(reader):
    reader.save("# say.py\nimport sys\n\nprint(*sys.argv[1:])\n")

    reader.run("$ python say.py 'token: tea_123, tea_456'\n…\n$ TEA=tea_…\n")

    assert reader.run("$ python say.py $TEA \"<$TEA>\" 'a '$TEA '$TEA'\ntea_123 <tea_123> a tea_123 $TEA\n") is None
    assert reader.run("$ SAID=$(python say.py a b)\n$ python say.py $SAID '$SAID'\na b $SAID\n") is None
    assert "Nothing was printed" in reader.run("$ TEA=coffee_…\n")


def test_the_terminal_of_the_server_is_compared_where_a_block_has_no_command(tmp_path):
    reader = Reader(tmp_path, real=True)
    try:
        reader.save(
            "# app.py\nfrom flask import Flask\nfrom sqlalchemy.orm import DeclarativeBase\n\nfrom meze import Meze\n"
            "\n\nclass Base(DeclarativeBase):\n    pass\n\n\napp = Flask(__name__)\napi = Meze(app, Base)\n"
        )
        reader.run("$ meze serve --dev\n")

        assert reader.run("  First admin    http://127.0.0.1:8000/…#token=meze_admin_…  (…)\n") is None
        assert reader.run("$ LINK=meze_admin_…\n") is None
    finally:
        reader.close()


def test_what_the_terminal_of_the_server_does_not_show_is_told(reader):
    reader.save(PROGRAM)
    reader.run("$ flask run")

    assert "does not show" in reader.run("Mail to ada@example.com: …\n")


def test_a_line_that_is_not_there_cannot_be_replaced(reader):
    reader.save(PROGRAM)

    assert "does not hold this line once" in reader.save("# app.py, in place of: x = 1\nx = 2\n")


def test_the_head_of_an_answer_is_compared_where_it_is_shown(reader):
    reader.save(PROGRAM)
    reader.run("$ flask run")

    found = (
        '$ curl -i http://127.0.0.1:5000/\nHTTP/1.1 200 OK\nContent-Type: application/json\n…\n\n{"said": "hello"}\n'
    )
    assert reader.run(found) is None
    assert "418" in reader.run(found.replace("200 OK", "418 I'm a Teapot"))
    assert "text/plain" in reader.run(found.replace("application/json", "text/plain"))


def test_a_command_that_prints_something_else_is_told(reader):
    reader.save("# hello.py\nprint('hello')\n")

    assert reader.run("$ python hello.py\nhello\n") is None
    assert "goodbye" in reader.run("$ python hello.py\ngoodbye\n")


def test_a_block_without_a_file_name_is_told(reader):
    assert "names its file" in reader.save("x = 1\n")


def test_a_target_that_make_lacks_is_told(reader):
    assert reader.run("$ make serve\n") is None
    assert "No rule" in reader.run("$ make coffee\n")


def test_what_a_command_prints_is_kept_in_a_file(reader, tmp_path):
    reader.save("# hello.py\nprint('hello')\n")

    assert reader.run("$ python hello.py > said.txt\n") is None
    assert (tmp_path / "said.txt").read_text("utf-8") == "hello\n"

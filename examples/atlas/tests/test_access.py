"""Who may do what in the atlas is committed, so that a change of it is seen in review."""


def test_the_committed_document_says_what_the_rules_do(run_python, tmp_path):
    command = ["-c", "from meze.cli import main; main()", "access", "--check", "ACCESS.md"]
    with run_python(f"sqlite:///{tmp_path}/atlas.db", *command) as process:
        printed, errors = process.communicate(timeout=60)

    assert (process.returncode, printed, errors) == (0, "", "")

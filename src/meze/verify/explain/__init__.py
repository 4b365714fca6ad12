"""Tell why a request is answered as it is: which clause of a rule decided, what the database was asked, what it took.

watch.py     run the request as ever, and note its plans and statements
truth.py     ask the database which clauses of a rule are true of which rows
decided.py   from those truths: by which clause rows came in, and which kept others out
writes.py    the same of a write, of which nothing is done
faults.py    what a refusal leaves unsaid
masks.py     what must not be shown, even here
report.py    all of it as text and as JSON
"""

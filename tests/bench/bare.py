"""What intake is measured against: a Flask app that stores each request's body in the same database, and no more."""

import os

from flask import Flask, request
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, create_engine, insert

from portal import database

URL = os.environ["DATABASE_URL"]
BODIES = Table("bodies", MetaData(), Column("id", Integer, primary_key=True), Column("body", LargeBinary))
engine = create_engine(URL, **database.engine_options(URL))
database.prepare(engine)
app = Flask(__name__)


@app.post("/store")
def store() -> str:
    """Keep the body durably; on SQLite as a writer from the beginning, as the portal does."""
    token = database.writing.set(True)
    try:
        with engine.begin() as line:
            line.execute(insert(BODIES).values(body=request.get_data(cache=False)))
    finally:
        database.writing.reset(token)
    return "Received."


@app.get("/readyz")
def readyz() -> str:
    """It serves."""
    return "ok"

"""`vigie-api mail test`: an operator learns in one sentence whether alerts would arrive."""

import json

import pytest
from typer.testing import CliRunner

from vigie_api import cli
from vigie_api.settings import Settings


@pytest.fixture
def mailing_here(monkeypatch, mail_server):
    for name, value in {
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(mail_server.port),
        "SMTP_SECURITY": "none",
        "MAIL_FROM": "Vigie <vigie@example.org>",
        "MAIL_TO": "marketing@example.org, ops@example.org",
    }.items():
        monkeypatch.setenv(f"VIGIE_API_{name}", value)


def run(*arguments):
    return CliRunner().invoke(cli.app, ["mail", "test", *arguments])


def test_a_trial_goes_to_everybody_who_gets_alerts(mailing_here, mail_server):
    done = run()
    assert (done.exit_code, done.stderr) == (0, "")
    assert "Sent to marketing@example.org, ops@example.org" in done.stdout
    (message,) = mail_server.sink.messages
    assert message["Subject"] == "[Vigie] message d’essai"
    assert mail_server.sink.recipients == [["marketing@example.org", "ops@example.org"]]


def test_a_trial_goes_to_another_address_on_demand(mailing_here, mail_server):
    assert run("--to", "me@example.org").exit_code == 0
    assert mail_server.sink.recipients == [["me@example.org"]]


def test_what_the_server_says_is_said_and_exit_1(mailing_here, mail_server):
    mail_server.sink.answers = ["554 5.7.1 we know you not"]
    refused = run()
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "554 5.7.1 we know you not" in refused.stderr


@pytest.mark.parametrize(("answers", "code"), [([], 0), (["554 5.7.1 we know you not."], 1)])
def test_a_program_reads_one_document_whether_it_was_sent_or_not(mailing_here, mail_server, answers, code):
    mail_server.sink.answers = answers
    done = run("--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, done.stderr, told["sent"]) == (code, "", code == 0)
    assert told["message"].endswith(".")
    assert not told["message"].endswith("..")


def test_a_recipient_that_is_refused_is_named_and_exit_1(mailing_here, mail_server):
    mail_server.sink.refused = {"ops@example.org"}
    refused = run()
    assert refused.exit_code == 1
    assert "refused ops@example.org" in refused.stderr


def test_when_every_recipient_is_refused_nothing_is_sent(mailing_here, mail_server):
    mail_server.sink.refused = {"me@example.org"}
    refused = run("--to", "me@example.org")
    assert refused.exit_code == 1
    assert "450 4.2.1 try later" in refused.stderr


def test_a_server_that_is_down_is_exit_1(mailing_here, mail_server):
    mail_server.stop()
    refused = run()
    assert refused.exit_code == 1
    assert "Connection refused" in refused.stderr


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_without_tls_is_not_talked_to_in_clear(mailing_here, mail_server, monkeypatch, security):
    monkeypatch.setenv("VIGIE_API_SMTP_SECURITY", security)
    refused = run()
    assert refused.exit_code == 1
    assert mail_server.sink.messages == []


def test_without_a_mail_server_it_says_which_setting_is_missing_and_exit_2():
    refused = run("--json")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "Set VIGIE_API_SMTP_HOST" in refused.stderr


def test_an_address_that_is_none_is_exit_2(mailing_here):
    assert run("--to", "me").exit_code == 2


HOST = {"smtp_host": "mail.example.org", "mail_from": "vigie@example.org", "mail_to": "ops@example.org"}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"smtp_host": "mail.example.org"}, "VIGIE_API_MAIL_FROM"),
        (HOST | {"mail_to": ""}, "VIGIE_API_MAIL_TO"),
        (HOST | {"mail_from": "vigie@example.org\nBcc: all@example.org"}, "e-mail address"),
        (HOST | {"mail_to": "ops@example.org,nobody"}, "e-mail address"),
        (HOST | {"smtp_username": "vigie"}, "SMTP_PASSWORD"),
        (HOST | {"smtp_username": "v", "smtp_password": "p", "smtp_security": "none"}, "in clear"),
        ({"mail_timezone": "Mars/Olympus"}, "time zone"),
        ({"public_url": "javascript:alert(1)"}, "pattern"),
    ],
    ids=str,
)
def test_settings_that_would_not_work_are_refused_at_the_start(values, sentence):
    with pytest.raises(ValueError, match=sentence):
        Settings(**values)

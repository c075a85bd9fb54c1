"""Settings: where they come from, what is refused and in which words, and that the page of settings is complete."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from diyalog.policies import keep_transcript_ms
from diyalog.settings import Limits, Settings, SettingsError, every_setting
from diyalog.settings_loading import is_loopback, load

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"


def from_environment(**variables: str) -> Settings:
    return load({}, {f"DIYALOG_{name}": text for name, text in variables.items()}, None)


def refusal(
    environ: Mapping[str, str] | None = None, flags: Mapping[str, str] | None = None, file: Path | None = None
) -> str:
    with pytest.raises(SettingsError) as refused:
        load(flags or {}, environ or {}, file)
    text = str(refused.value)
    assert "\n" not in text
    assert text == f"{refused.value.setting}: {refused.value.what_to_do}"
    return text


def toml(folder: Path, text: str) -> Path:
    file = folder / "diyalog.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_defaults() -> None:
    settings = load({}, {}, None)
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert (settings.queue, settings.queue_url, settings.queue_timeout) == ("builtin", None, 10.0)
    assert (settings.wait_limit, settings.abandon_after, settings.drain_seconds) == (1800.0, 300.0, 10.0)
    assert (settings.token_lifetime, settings.hash_lifetime, settings.keep_days) == (86_400.0, 300.0, 30.0)
    assert (settings.production, settings.open_access, settings.queue_repeatable) == (False, False, False)
    assert (settings.data_dir, settings.secret_key_file) == (Path("diyalog-data"), None)
    assert (settings.allowed_origins, settings.frame_ancestors, settings.trusted_proxies) == ((), (), ())
    assert settings.limits == Limits(
        auth_failures=300,
        starts=30,
        sockets_per_customer=10,
        sockets=0,
        header_bytes=32 * 1024,
        body_bytes=64 * 1024,
        frame_bytes=64 * 1024,
        messages=600,
    )


def test_flags_come_before_environment_before_file_before_default(tmp_path: Path) -> None:
    file = toml(tmp_path, "port = 1\nqueue_timeout = 1\nwait_limit = 1\n")
    environ = {"DIYALOG_PORT": "2", "DIYALOG_QUEUE_TIMEOUT": "2"}
    settings = load({"port": "3"}, environ, file)
    assert (settings.port, settings.queue_timeout, settings.wait_limit, settings.keep_days) == (3, 2.0, 1.0, 30.0)


def test_empty_texts_count_as_not_given() -> None:
    assert load({"port": ""}, {"DIYALOG_PORT": "", "DIYALOG_QUEUE_URL": ""}, None).port == 8080


def test_every_kind_of_value_from_text() -> None:
    settings = from_environment(
        HOST="::1",
        PORT="0",
        DATA_DIR="/var/lib/diyalog",
        QUEUE="http",
        QUEUE_URL="https://queue.example:8443/api/",
        QUEUE_TIMEOUT="2.5",
        QUEUE_REPEATABLE="TRUE",
        ATTACHED_DATA="array",
        CALLOUT_TOKEN="s3cret",
        TRUSTED_PROXIES="10.0.0.0/8, 192.0.2.7,2001:db8::/32",
        ALLOWED_ORIGINS="https://WWW.Example.com:443,http://localhost:5173",
        FRAME_ANCESTORS="self,https://*.example.com",
        DRAIN_SECONDS="0",
        LIMIT_STARTS="0",
    )
    assert (settings.host, settings.port, settings.data_dir) == ("::1", 0, Path("/var/lib/diyalog"))
    assert (settings.queue_url, settings.queue_timeout) == ("https://queue.example:8443/api", 2.5)
    assert (settings.queue_repeatable, settings.attached_data, settings.callout_token) == (True, "array", "s3cret")
    assert settings.trusted_proxies == ("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32")
    assert settings.allowed_origins == ("https://www.example.com", "http://localhost:5173")
    assert settings.frame_ancestors == ("'self'", "https://*.example.com")
    assert (settings.drain_seconds, settings.limits.starts) == (0.0, 0)


def test_every_kind_of_value_from_a_file(tmp_path: Path) -> None:
    file = toml(
        tmp_path,
        'host = "::1"\nport = 81\nqueue_timeout = 2\nwait_limit = 2.5\nqueue_repeatable = true\ndata_dir = "x"\n'
        'trusted_proxies = ["10.0.0.1"]\nlimit_messages = 7\n',
    )
    settings = load({}, {}, file)
    assert (settings.host, settings.port, settings.data_dir) == ("::1", 81, Path("x"))
    assert (settings.queue_timeout, settings.wait_limit, settings.queue_repeatable) == (2.0, 2.5, True)
    assert (settings.trusted_proxies, settings.limits.messages) == (("10.0.0.1/32",), 7)


@pytest.mark.parametrize(
    ("variable", "text", "what"),
    [
        ("PORT", "abc", "must be a whole number from 0 to 65535, not 'abc'"),
        ("PORT", "65536", "must be a whole number from 0 to 65535, not '65536'"),
        ("PORT", "1.5", "must be a whole number from 0 to 65535, not '1.5'"),
        ("PORT", "٣", "must be a whole number from 0 to 65535, not '٣'"),
        ("LIMIT_STARTS", "-1", "must be a whole number from 0 to 2147483647, not '-1'"),
        ("QUEUE_TIMEOUT", "0", "must be a number above 0, at most 315360000, not '0'"),
        ("QUEUE_TIMEOUT", "nan", "must be a number above 0, at most 315360000, not 'nan'"),
        ("WAIT_LIMIT", "inf", "must be a number above 0, at most 315360000, not 'inf'"),
        ("ABANDON_AFTER", "-5", "must be a number above 0, at most 315360000, not '-5'"),
        ("TOKEN_LIFETIME", "1 day", "must be a number above 0, at most 315360000, not '1 day'"),
        ("KEEP_DAYS", "3651", "must be a number above 0, at most 3650, not '3651'"),
        ("DRAIN_SECONDS", "-1", "must be a number from 0 to 315360000, not '-1'"),
        ("PRODUCTION", "maybe", "must be true or false, not 'maybe'"),
        ("QUEUE", "redis", "must be builtin or http, not 'redis'"),
        ("ATTACHED_DATA", "list", "must be object or array, not 'list'"),
        ("HOST", "http://x", "must be a host name or an IP address, without scheme and port, not 'http://x'"),
        ("DATA_DIR", "a\0b", "must be a path, without NUL"),
        ("DATA_DIR", "~nobody-has-this-name/x", "must be a path; there is no home directory for its ~"),
        ("CALLOUT_TOKEN", "a\r\nX: y", "must be printable ASCII without spaces around it"),
        ("TRUSTED_PROXIES", "*", "must be IP addresses or networks like 10.0.0.0/8, not '*'"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "must be IP addresses or networks like 10.0.0.0/8, not '10.0.0.1/8'"),
        ("ALLOWED_ORIGINS", "*", "must be origins like https://www.example.com, without path, not '*'"),
        ("ALLOWED_ORIGINS", "https://a/b", "must be origins like https://www.example.com, without path"),
        ("FRAME_ANCESTORS", "https://a;script-src *", "must be 'self' or origins like https://www.example.com"),
    ],
)
def test_wrong_values_are_refused(variable: str, text: str, what: str) -> None:
    assert refusal({f"DIYALOG_{variable}": text}).startswith(f"DIYALOG_{variable}: {what}")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a",
        "queue.example",
        "http://",
        "https://a?x=1",
        "https://a#b",
        "http://a b",
        "http://a:0",
        "http://a:99999",
        "http://[::1",
        "http://ä.example",
        "http://a\nb",
    ],
)
def test_wrong_urls_are_refused_without_repeating_them(url: str) -> None:
    for variable in ("QUEUE_URL", "CUSTOMER_AUTH_URL", "STAFF_AUTH_URL"):
        text = refusal({f"DIYALOG_{variable}": url, "DIYALOG_QUEUE": "http"})
        assert text == f"DIYALOG_{variable}: must be an http:// or https:// URL with a host and without ? and #"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('port = "80"', "must be a whole number, not a text"),
        ("port = true", "must be a whole number, not true or false"),
        ("port = 70000", "must be a whole number from 0 to 65535, not '70000'"),
        ("port = 1.0", "must be a whole number, not a number"),
        ("queue_timeout = 1979-05-27", "must be a number, not a date or time"),
        ("host = 5", "must be a text, not a whole number"),
        ("production = 1", "must be true or false, not a whole number"),
        ('allowed_origins = "https://a"', "must be an array of texts, not a text"),
        ("allowed_origins = [1]", "must be an array of texts"),
        ("limit_starts = {}", "must be a whole number, not a table"),
    ],
)
def test_wrong_types_in_the_file_are_refused(tmp_path: Path, line: str, what: str) -> None:
    file = toml(tmp_path, line)
    name = line.split(" ", 1)[0]
    assert refusal(file=file) == f"DIYALOG_{name.upper()} (given as {name} in {file}): {what}"


def test_the_look_of_the_company_is_checked_at_the_start(tmp_path: Path) -> None:
    missing = tmp_path / "no.png"
    for variable in ("DIYALOG_COMPANY_LOGO", "DIYALOG_COMPANY_TEXTS"):
        assert (
            refusal({variable: str(missing)}) == f"{variable}: there is no file {str(missing)!r}; name an existing file"
        )
    radius = refusal({"DIYALOG_COMPANY_RADIUS": "25"})
    assert radius == "DIYALOG_COMPANY_RADIUS: must be a whole number from 0 to 24, not 25"
    assert from_environment(COMPANY_RADIUS="0").company_radius == 0


@pytest.mark.parametrize(
    ("size", "more", "wrong"),
    [
        ((32, 32), b"", None),
        ((600, 100), b"", None),
        ((601, 100), b"", "must be at most 64 KiB, 32 to 1024 pixels high, and half to 6 times as wide as high"),
        ((49, 100), b"", "must be at most 64 KiB"),
        ((31, 31), b"", "must be at most 64 KiB"),
        ((1025, 1025), b"", "must be at most 64 KiB"),
        ((64, 64), b"x" * 64 * 1024, "must be at most 64 KiB"),
        (None, b"<svg xmlns='http://www.w3.org/2000/svg'/>", "must be a PNG file"),
    ],
)
def test_a_logo_is_a_small_png(tmp_path: Path, size: tuple[int, int] | None, more: bytes, wrong: str | None) -> None:
    file = tmp_path / "logo.png"
    head = (
        b"" if size is None else b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"".join(n.to_bytes(4, "big") for n in size)
    )
    file.write_bytes(head + more)
    if wrong is None:
        assert from_environment(COMPANY_LOGO=str(file)).company_logo == file
    else:
        assert refusal({"DIYALOG_COMPANY_LOGO": str(file)}).startswith(f"DIYALOG_COMPANY_LOGO: {wrong}")


def test_a_refusal_names_the_flag_that_was_given() -> None:
    assert refusal(flags={"queue_timeout": "x"}).startswith("DIYALOG_QUEUE_TIMEOUT (given as --queue-timeout): ")


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    missing = tmp_path / "no.toml"
    assert refusal(file=missing) == f"--config {missing}: cannot be read (No such file or directory); name a TOML file"
    assert refusal(file=tmp_path).startswith(f"--config {tmp_path}: cannot be read (Is a directory)")
    broken = toml(tmp_path, "port = \n")
    assert refusal(file=broken).startswith(f"--config {broken}: is not a TOML file: ")
    broken.write_bytes(b"host = '\xff'")
    assert refusal(file=broken).startswith(f"--config {broken}: is not a TOML file: ")


def test_unknown_names_are_refused_with_the_nearest_known_one(tmp_path: Path) -> None:
    assert refusal({"DIYALOG_QUEU_URL": "x"}) == (
        "DIYALOG_QUEU_URL: there is no such setting; write DIYALOG_QUEUE_URL, or remove it"
    )
    assert refusal({"DIYALOG_XYZ": ""}) == "DIYALOG_XYZ: there is no such setting; remove it"
    file = toml(tmp_path, "prot = 1")
    assert refusal(file=file) == f"prot in {file}: there is no such setting; write port, or remove it"


def test_foreign_variables_are_left_alone() -> None:
    environ = {"DIYALOG_ACCESS_KEY_ID": "a", "DIYALOG_ACCESS_KEY_SECRET": "b", "PORT": "x", "diyalog_port": "x"}
    assert load({}, environ, None) == load({}, {}, None)


def test_the_queue_over_http_needs_its_url_and_the_builtin_one_has_none() -> None:
    assert refusal({"DIYALOG_QUEUE": "http"}).startswith("DIYALOG_QUEUE_URL (not given): DIYALOG_QUEUE=http needs it")
    assert refusal({"DIYALOG_QUEUE_URL": "http://a"}).startswith("DIYALOG_QUEUE_URL: contradicts DIYALOG_QUEUE=builtin")
    assert from_environment(QUEUE="http", QUEUE_URL="http://a").queue_url == "http://a"
    assert (
        from_environment(QUEUE="http", QUEUE_URL="HTTPS://Queue.Example/Api/").queue_url == "https://Queue.Example/Api"
    )


def test_another_database_is_refused_without_its_password() -> None:
    text = refusal({"DIYALOG_DATABASE_URL": "mysql://user:geheim@db/diyalog"})
    assert text.startswith("DIYALOG_DATABASE_URL: must be a PostgreSQL address")
    assert "geheim" not in text


def test_a_bus_without_a_shared_database_is_refused() -> None:
    text = refusal({"DIYALOG_BUS_URL": "nats://user:geheim@bus"})
    assert text.startswith("DIYALOG_BUS_URL: nodes that share a bus share a database too")
    assert "geheim" not in text


def certificate(folder: Path) -> Path:
    """A certificate for localhost and its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    begins = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=begins,
        not_valid_after=begins + timedelta(days=3650),
    )
    signed = builder.sign(key, hashes.SHA256())
    path = folder / "pair.pem"
    path.write_bytes(
        signed.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return path


def test_certificate_and_key_come_together(tmp_path: Path) -> None:
    pem = tmp_path / "a.pem"
    pem.touch()
    assert refusal({"DIYALOG_TLS_CERT": str(pem)}).startswith("DIYALOG_TLS_KEY (not given): DIYALOG_TLS_CERT needs it")
    assert refusal({"DIYALOG_TLS_KEY": str(pem)}).startswith("DIYALOG_TLS_CERT (not given): DIYALOG_TLS_KEY needs it")
    both = {"DIYALOG_TLS_CERT": str(pem), "DIYALOG_TLS_KEY": str(tmp_path / "none.pem")}
    assert refusal(both).startswith("DIYALOG_TLS_KEY: there is no file")
    assert refusal({"DIYALOG_TLS_CERT": str(pem), "DIYALOG_TLS_KEY": str(pem)}).startswith(
        "DIYALOG_TLS_CERT: it and DIYALOG_TLS_KEY cannot be used together"
    )
    pair = certificate(tmp_path)
    assert from_environment(TLS_CERT=str(pair), TLS_KEY=str(pair)).tls_key == pair


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "diyalog.example"])
def test_open_access_stays_on_this_machine_unless_confirmed(host: str) -> None:
    assert refusal({"DIYALOG_OPEN_ACCESS": "true", "DIYALOG_HOST": host}) == (
        f"DIYALOG_OPEN_ACCESS: lets in anybody who reaches {host}; "
        "listen on 127.0.0.1 or set DIYALOG_I_KNOW_THIS_IS_OPEN=true"
    )
    assert from_environment(OPEN_ACCESS="true", HOST=host, I_KNOW_THIS_IS_OPEN="true").open_access
    assert from_environment(HOST=host).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_open_access_is_fine_on_this_machine(host: str) -> None:
    assert is_loopback(host)
    assert from_environment(OPEN_ACCESS="true", HOST=host).open_access


def test_production_refuses_open_access_even_when_confirmed() -> None:
    environ = {"DIYALOG_PRODUCTION": "true", "DIYALOG_OPEN_ACCESS": "true", "DIYALOG_I_KNOW_THIS_IS_OPEN": "true"}
    assert refusal(environ).startswith("DIYALOG_OPEN_ACCESS: refused with DIYALOG_PRODUCTION=true")


def test_production_needs_a_secret_key_outside_the_data_folder(tmp_path: Path) -> None:
    data, key = tmp_path / "data", tmp_path / "secret.key"
    data.mkdir()
    environ = {"DIYALOG_PRODUCTION": "true", "DIYALOG_DATA_DIR": str(data)}
    assert refusal(environ).startswith("DIYALOG_SECRET_KEY_FILE (not given): DIYALOG_PRODUCTION=true needs it")
    environ["DIYALOG_SECRET_KEY_FILE"] = str(key)
    assert refusal(environ).startswith("DIYALOG_SECRET_KEY_FILE: there is no file")
    key.touch()
    assert load({}, environ, None).production
    inside = data / "secret.key"
    inside.touch()
    link = tmp_path / "link.key"
    link.symlink_to(inside)
    for path in (inside, link, data / ".." / "data" / "secret.key"):
        environ["DIYALOG_SECRET_KEY_FILE"] = str(path)
        assert refusal(environ).startswith("DIYALOG_SECRET_KEY_FILE: lies in the data folder that it protects")


def test_production_is_reached_from_outside_over_tls_only(tmp_path: Path) -> None:
    key = tmp_path / "secret.key"
    key.touch()
    environ = {"DIYALOG_PRODUCTION": "true", "DIYALOG_SECRET_KEY_FILE": str(key), "DIYALOG_HOST": "0.0.0.0"}
    assert refusal(environ).startswith(
        "DIYALOG_HOST: with DIYALOG_PRODUCTION=true other machines may reach it over TLS"
    )
    assert load({}, environ | {"DIYALOG_TRUSTED_PROXIES": "10.0.0.2"}, None).production
    pair = str(certificate(tmp_path))
    tls = {"DIYALOG_TLS_CERT": pair, "DIYALOG_TLS_KEY": pair}
    assert load({}, environ | tls, None).production


def test_the_secret_is_not_in_the_representation() -> None:
    assert "s3cret" not in f"{from_environment(CALLOUT_TOKEN='s3cret')!r}"


@given(st.sampled_from([setting.name for setting in every_setting()]), st.text(max_size=30))
def test_any_text_is_either_read_or_refused_in_one_line(name: str, text: str) -> None:
    refused = ""
    try:
        load({name: text}, {}, None)
    except SettingsError as wrong:
        refused = str(wrong)
    assert refused.isprintable()


def test_transcripts_are_kept_as_long_as_their_wait_or_for_less() -> None:
    assert keep_transcript_ms(from_environment()) is None
    assert keep_transcript_ms(from_environment(KEEP_TRANSCRIPT_DAYS="7")) == 604_800_000
    with pytest.raises(SettingsError):
        from_environment(KEEP_TRANSCRIPT_DAYS="0")


def test_every_setting_says_what_it_means_and_names_are_unique() -> None:
    settings = every_setting()
    assert len({setting.name for setting in settings}) == len(settings) == 52
    assert [setting.name for setting in settings if not setting.meaning.endswith(".")] == []


def test_the_page_lists_every_setting_with_its_default_and_meaning() -> None:
    rows = re.findall(r"^\| `(DIYALOG_\w+)` \| `[^`]+` \| `([^`]+)` \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert [variable for variable, _, _ in rows] == [setting.variable for setting in every_setting()]
    words = {"unset": None, "none": (), "true": True, "false": False}
    for (_, default, meaning), setting in zip(rows, every_setting(), strict=True):
        assert meaning == setting.meaning
        if default in words:
            assert words[default] == setting.default
        else:
            assert str(setting.default).removesuffix(".0") == default

"""Who may come in: access keys, customers, transaction hashes and client tokens."""

import hashlib
from collections.abc import Sequence

import msgspec

from diyalog.domain.commands import Activate
from diyalog.domain.ids import CustomerRef, InteractionId
from diyalog.domain.results import KeyRecord, TokenRecord
from diyalog.storage.sealing import Sealer
from diyalog.storage.transaction import Row, Transaction


def profile_place(lookup: bytes) -> str:
    """Where a customer's profile is sealed for."""
    return f"customer.profile:{lookup.hex()}"


def secret_place(key_id: str) -> str:
    """Where an access key's secret is sealed for."""
    return f"access_key.secret:{key_id}"


def hash_digest(transaction_hash: str) -> bytes:
    """Under which a transaction hash is stored; it is random, so a plain digest hides it."""
    return hashlib.sha256(transaction_hash.encode()).digest()


async def issue_hash(transaction: Transaction, ask: tuple[str, str, str, InteractionId | None, int]) -> bool:
    """Store a transaction hash for (customer id, device hash, hash, interaction, lifetime ms)."""
    customer_id, device_hash, value, interaction, lifetime_ms = ask
    customer_lookup = transaction.sealer.lookup("customer", customer_id)
    customer = await transaction.row("find_customer", lookup=customer_lookup)
    if customer is not None and customer[1] is not None:
        return False
    if interaction is not None:
        holder = await transaction.row("live_interaction", interaction=interaction)
        if holder is not None and (customer is None or holder[1] != customer[0]):
            return False
    await transaction.run(
        "write_hash",
        customer=customer_lookup,
        device=transaction.sealer.lookup("device", device_hash),
        digest=hash_digest(value),
        interaction=interaction,
        expires_at=transaction.now + lifetime_ms,
    )
    return True


async def activate(transaction: Transaction, command: Activate) -> TokenRecord | None:
    """Give a customer's app a token; None when the shown transaction hash is not good for it."""
    lookup = transaction.sealer.lookup("customer", command.customer_id)
    if transaction.again and (stored := await _activated_before(transaction, command, lookup)) is not None:
        return stored
    interaction = None
    if command.transaction_hash is not None:
        taken = await transaction.row(
            "take_hash",
            digest=hash_digest(command.transaction_hash),
            customer=lookup,
            device=transaction.sealer.lookup("device", command.device_hash or ""),
        )
        if taken is None:
            return None
        interaction = taken[0]
    customer, barred = await _customer(transaction, lookup, command)
    if not barred:
        await transaction.run("write_token", digest=command.token_hash, customer=customer, interaction=interaction)
    return TokenRecord(CustomerRef(customer), command.customer_id, transaction.now, barred)


async def _activated_before(transaction: Transaction, command: Activate, lookup: bytes) -> TokenRecord | None:
    """What the same command did when its commit's answer was lost, None when nothing was committed."""
    if stored := await transaction.rows("find_token", digest=command.token_hash):
        return token_of(stored, transaction.sealer)
    customer = await transaction.row("find_customer", lookup=lookup)
    if customer is None or customer[1] is None:
        return None
    return TokenRecord(CustomerRef(customer[0]), command.customer_id, transaction.now, barred=True)


async def _customer(transaction: Transaction, lookup: bytes, command: Activate) -> tuple[int, bool]:
    """The customer's row, made or brought up to date, and whether the customer is barred."""
    profile = {"customerId": command.customer_id, **command.profile}
    sealed = transaction.sealer.seal(profile_place(lookup), msgspec.json.encode(profile).decode())
    found = await transaction.row("write_customer", lookup=lookup, profile=sealed)
    assert found is not None, "the written row is returned"
    return found[0], found[1] is not None


async def bar(transaction: Transaction, ask: tuple[str, bool]) -> None:
    """Bar a customer from asking for help, or let them in again."""
    customer_id, barred = ask
    customer, _ = await _customer(
        transaction,
        transaction.sealer.lookup("customer", customer_id),
        Activate(customer_id=customer_id, profile={}, token_hash=b""),
    )
    await transaction.run("bar_customer", customer=customer, barred_at=transaction.now if barred else None)


def token_of(rows: Sequence[Row], sealer: Sealer) -> TokenRecord | None:
    """The client token that statement `find_token` found."""
    if not rows:
        return None
    customer, issued_at, lookup, sealed, barred_at = rows[0]
    profile = msgspec.json.decode(sealer.open(profile_place(lookup), sealed), type=dict[str, str])
    return TokenRecord(CustomerRef(customer), profile["customerId"], issued_at, barred_at is not None)


def keys_of(rows: Sequence[Row], sealer: Sealer) -> Sequence[KeyRecord]:
    """All access keys, the secrets of live ones opened."""
    return [
        KeyRecord(
            key_id=key_id,
            name=name,
            created_at=created_at,
            revoked_at=revoked_at,
            secret=None if sealed is None else sealer.open(secret_place(key_id), sealed),
        )
        for key_id, name, created_at, revoked_at, sealed in rows
    ]


async def create_key(transaction: Transaction, ask: tuple[str, str, str]) -> None:
    """Store an access key (id, name, secret)."""
    key_id, name, secret = ask
    if transaction.again and await transaction.row("find_key", id=key_id) is not None:
        return
    sealed = transaction.sealer.seal(secret_place(key_id), secret)
    await transaction.run("insert_key", id=key_id, name=name, secret=sealed)


async def revoke_key(transaction: Transaction, key_id: str) -> bool:
    """Revoke an access key for good; whether there was a live one of that id."""
    if await transaction.row("revoke_key", id=key_id) is not None:
        return True
    return transaction.again and await transaction.row("find_key", id=key_id) is not None

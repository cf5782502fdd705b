"""The accounts that sign in: people as admin, the API and the trainer with what each needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from vigie_mlflow.settings import Settings


@dataclass(frozen=True)
class Grant:
    """One permission: kind of resource, name of it or `*`, level in MLflow's words."""

    resource_type: str
    pattern: str
    permission: str


@dataclass(frozen=True)
class Account:
    """One account as it shall be after the start."""

    name: str
    password: str
    admin: bool = False
    grants: tuple[Grant, ...] = ()


class AccountStore(Protocol):
    """The part of MLflow's own account store that is used here."""

    def has_user(self, username: str) -> bool:
        """Tell whether the account exists."""
        ...

    def authenticate_user(self, username: str, password: str) -> bool:
        """Tell whether the password is the account's."""
        ...

    def create_user(self, username: str, password: str, is_admin: bool = False) -> object:
        """Create the account."""
        ...

    def update_user(self, username: str, password: str | None = None, is_admin: bool | None = None) -> object:
        """Change what is given."""
        ...

    def grant_user_permission(self, username: str, resource_type: str, resource_pattern: str, permission: str) -> None:
        """Add or replace one permission."""
        ...


def wanted_accounts(settings: Settings) -> list[Account]:
    """List the accounts that the settings ask for.

    Everyone reads (default permission READ). The API also moves aliases and tags versions of the one model that it
    serves; the trainer writes experiments and models, its own or not.
    """
    accounts = [Account(settings.admin_user, settings.admin_password.get_secret_value(), admin=True)]
    if settings.api_password:
        moves_aliases = (Grant("registered_model", settings.model_name, "EDIT"),)
        accounts.append(Account("vigie-api", settings.api_password.get_secret_value(), grants=moves_aliases))
    if settings.trainer_password:
        writes = (Grant("experiment", "*", "EDIT"), Grant("registered_model", "*", "EDIT"))
        accounts.append(Account("vigie-trainer", settings.trainer_password.get_secret_value(), grants=writes))
    return accounts


def settle_accounts(store: AccountStore, accounts: list[Account], say: Callable[[str], None]) -> None:
    """Create missing accounts and give existing ones the password and permissions of the settings.

    MLflow itself looks at the admin's password only on the very first start; here the environment stays the truth, so
    that changing a secret and restarting is all a rotation takes. Accounts made by people are left alone.
    """
    for account in accounts:
        if not store.has_user(account.name):
            store.create_user(account.name, account.password, is_admin=account.admin)
            say(f"created account {account.name}")
        elif not store.authenticate_user(account.name, account.password):
            store.update_user(account.name, password=account.password)
            say(f"changed the password of account {account.name}")
        for grant in account.grants:
            store.grant_user_permission(account.name, grant.resource_type, grant.pattern, grant.permission)

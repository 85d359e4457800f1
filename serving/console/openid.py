"""Signing in with OpenID Connect: the account of a company, whose groups have roles of the console.

The authorization code flow with PKCE. What protects it is in the session: a state, so that nobody is signed in by an
answer that they did not ask for; a nonce, so that no identity token is used twice; and the verifier of the code.

Source: OpenID Connect Core 1.0, section 3.1; RFC 7636 (PKCE); RFC 9700 (what is recommended today).
"""

from collections.abc import Mapping
from typing import Any

import structlog
from authlib.integrations.starlette_client import OAuth
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from core.settings import revealed
from serving.console.sign_in import begin, form, inside, limit
from serving.console.visitors import AnyReader
from serving.settings import OpenIdSettings

_SECONDS = 10.0
#: What a session keeps has to fit into a cookie.
_LONGEST_WANTED, _LONGEST_NAME = 1_000, 100
_log = structlog.get_logger(__name__)
router = APIRouter(prefix="/openid")


class Provider:
    """The provider of a deployment; what it publishes is read at the first sign-in.

    Parameters
    ----------
    https_only
        Whether browsers come over HTTPS, whatever the proxy before Encore says of it.

    Raises
    ------
    ConfigError
        If the client's secret cannot be read.
    """

    def __init__(self, settings: OpenIdSettings, *, https_only: bool) -> None:
        self._settings, self._https_only = settings, https_only
        self._issuer = settings.issuer.rstrip("/")
        self._client = OAuth().register(
            "openid",
            client_id=settings.client_id,
            client_secret=revealed(settings.client_secret.get_secret_value()),
            server_metadata_url=f"{self._issuer}/.well-known/openid-configuration",
            client_kwargs={
                "scope": f"openid {settings.scopes}".strip(),
                "code_challenge_method": "S256",
                "timeout": _SECONDS,
            },
        )

    async def leave(self, request: Request) -> Response:
        """Lead to the provider, with a state, a nonce and the hash of a verifier that stay in the session."""
        scheme = "https" if self._https_only else request.url.scheme
        back = f"{scheme}://{request.url.netloc}/console/openid/callback"
        answer: Response = await self._client.authorize_redirect(request, back)
        return answer

    async def claims(self, request: Request) -> Mapping[str, Any]:
        """Return what the identity token says of who comes back.

        Raises
        ------
        Exception
            If there is none that may be trusted: an error of Authlib, of what it asks with, or of the answer's form.
        """
        published = await self._client.load_server_metadata()
        if published["issuer"].rstrip("/") != self._issuer:
            raise ValueError(f"expected the issuer {self._issuer}, found {published['issuer']}")
        # a token that is not signed, or with a secret that both sides know, proves nothing
        offered = published.get("id_token_signing_alg_values_supported") or ["RS256"]
        signed = [one for one in offered if one != "none" and not one.startswith("HS")]
        published["id_token_signing_alg_values_supported"] = signed
        expected = {"iss": published["issuer"], "aud": self._settings.client_id}
        options = {claim: {"essential": True, "values": [value]} for claim, value in expected.items()}
        token = await self._client.authorize_access_token(request, claims_options=options)
        claims: Mapping[str, Any] = token["userinfo"]
        return claims

    def groups(self, claims: Mapping[str, Any]) -> list[str]:
        """Return the groups of somebody that have a role."""
        found = claims.get(self._settings.roles_claim) or []
        found = [found] if isinstance(found, str) else found
        return [group for group in self._settings.roles if group in found]


@router.get("")
async def leave(reader: AnyReader, next: str = "") -> Response:  # noqa: A002 - a name for addresses
    """Go to the provider, and remember where to return to."""
    limit(reader)
    wanted = inside(next)
    try:
        answer = await _provider(reader.request).leave(reader.request)
    except Exception as failure:
        return _failed(reader, failure)
    reader.request.session["wanted"] = wanted if len(wanted) <= _LONGEST_WANTED else ""
    return answer


@router.get("/callback")
async def arrive(reader: AnyReader) -> Response:
    """Sign in who comes from the provider, with the roles of their groups."""
    provider = _provider(reader.request)
    try:
        claims = await provider.claims(reader.request)
        groups = provider.groups(claims)
        who = {"subject": f"oidc:{claims['sub']}", "name": _name(claims), "groups": groups}
    except Exception as failure:  # whatever a provider answers, or none: nobody is signed in
        return _failed(reader, failure)
    if not groups:
        return form(reader, "", "no_group")
    wanted = reader.request.session.get("wanted", "")
    return await run_in_threadpool(begin, reader, wanted, **who)


def _name(claims: Mapping[str, Any]) -> str:
    names = (claims.get(claim) for claim in ("name", "preferred_username", "email", "sub"))
    return next(str(name) for name in names if name)[:_LONGEST_NAME]


def _failed(reader: AnyReader, failure: Exception) -> Response:
    # it names what was wrong with the answer, and nobody who signs in
    _log.warning("openid_failed", error=type(failure).__name__, reason=str(failure)[:200])
    return form(reader, "", "provider")


def _provider(request: Request) -> Provider:
    provider: Provider = request.app.state.openid
    return provider

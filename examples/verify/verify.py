"""Whether a request of the service is genuine. The body: as it arrived, before anything parses it."""

import base64, hashlib, hmac, time

def is_genuine(secret: str, headers: dict[str, str], body: bytes) -> bool:
    sent_id, sent_at = headers["webhook-id"], headers["webhook-timestamp"]
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{sent_id}.{sent_at}.".encode() + body, hashlib.sha256)
    expected = b"v1," + base64.b64encode(digest)
    is_recent = abs(time.time() - int(sent_at)) < 300
    sent = headers["webhook-signature"].encode().split(b" ")
    return is_recent and any([hmac.compare_digest(expected, one) for one in sent])

/**
 * Which texts of a webhook endpoint are secrets, and when null keeps a stored one. PURE.
 *
 * The URL is a secret as a whole, because the URLs of chats open them. The threat is somebody who may manage endpoints,
 * does not know a secret, and redirects it to their own receiver. On the host of a chat, another path is another
 * customer. So null keeps headers and secrets only while the URL is kept, too: a URL that is sent, even the same one,
 * needs them again. The signing secret is never sent, so it stays whatever the URL is.
 */

import type { SecretRules } from "../definitions/kind.ts";
import { mapHeaders, mapTexts } from "../definitions/secrets.ts";
import type { StoredEndpoint } from "./definition.ts";

export const endpointSecrets: SecretRules<StoredEndpoint> = {
  map: ({ url, headers, secrets, signingSecret = null, ...others }, visit) => ({
    url: visit(["url"], url),
    headers: mapHeaders(headers, ["headers"], visit),
    ...(secrets !== undefined && { secrets: mapTexts(secrets, ["secrets"], visit) }),
    ...others,
    signingSecret: visit(["signingSecret"], signingSecret),
  }),
  keeps:
    (_before, sent) =>
    ([member]) =>
      member === "signingSecret" || sent.url === null,
  moved: "the stored value is kept only if url is null, too. Send the value again, or send null for url.",
};

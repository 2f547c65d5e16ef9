/**
 * Which texts of an action are secrets, and when null keeps a stored one. PURE.
 *
 * The threat is an admin who does not know a secret and redirects it to their own host. So null keeps values only while
 * all requests of the action, before and after, go to one scheme, host and port. These are always written out, because
 * placeholders may stand only in the path and query of a URL. The rule is the same for every secret. The receiver of
 * the webhook chooses values that are put into the stop request, so both requests must have one origin.
 */

import type { SecretRules, Visit } from "../definitions/kind.ts";
import { mapHeaders, mapTexts } from "../definitions/secrets.ts";
import type { ActionDefinition, StoredTrigger } from "./definition.ts";

export const actionSecrets: SecretRules<ActionDefinition> = {
  map: (definition, visit) =>
    definition.trigger === undefined ? definition : { ...definition, trigger: mapTrigger(definition.trigger, visit) },
  keeps: (before, { trigger }) => {
    const isKept = trigger !== undefined && haveOneOrigin(before?.trigger, trigger);
    return () => isKept;
  },
  moved:
    "the stored value is kept only while trigger.url and trigger.cancel.url have one scheme, host and port, and these do not change. Send the value again.",
};

function mapTrigger(trigger: StoredTrigger, visit: Visit): StoredTrigger {
  const { headers, signingSecret, secrets, cancel, ...others } = trigger;
  return {
    ...others,
    headers: mapHeaders(headers, ["trigger", "headers"], visit),
    ...(signingSecret !== undefined && { signingSecret: visit(["trigger", "signingSecret"], signingSecret) }),
    ...(secrets !== undefined && { secrets: mapTexts(secrets, ["trigger", "secrets"], visit) }),
    ...(cancel !== undefined && {
      cancel: { ...cancel, headers: mapHeaders(cancel.headers, ["trigger", "cancel", "headers"], visit) },
    }),
  };
}

/** Whether all requests of both triggers go to one scheme, host and port. */
function haveOneOrigin(before: StoredTrigger | undefined, after: StoredTrigger): boolean {
  const [origin, ...others] = [before, before?.cancel, after, after.cancel]
    .filter((request) => request !== undefined)
    .map(originOf);
  return origin !== null && others.every((other) => other === origin);
}

/** Scheme, host and port. Null without a URL that can be called. */
function originOf({ url: text }: { readonly url: string }): string | null {
  const url = URL.parse(text);
  return url === null || url.origin === "null" ? null : url.origin;
}

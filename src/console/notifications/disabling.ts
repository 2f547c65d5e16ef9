/** A person's own switch of an endpoint, which is a member of its definition. */

import type { Client } from "../../client/index.ts";

/** Stores the endpoint with the switch. Throws as the client does, also if somebody changes it meanwhile. */
export async function setDisabled(
  { webhookEndpoints }: Client,
  name: string,
  disabled: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { definition, version } = await webhookEndpoints.get(name, { signal });
  await webhookEndpoints.put(name, { ...definition, disabled }, { ifVersion: version, signal });
}

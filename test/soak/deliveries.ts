/** The deliveries of a webhook endpoint, as the API lists them. */

import type { EndpointName, Endpoints } from "./endpoints.ts";

const PAGE = 100;

export interface Delivery {
  readonly runId: string;
  readonly state: "waiting" | "delivered" | "failed";
  readonly nextAttemptAt: string | null;
}

/** All of them, or those in one state, by run. Throws if one run has two. */
export async function deliveriesOf(
  endpoints: Endpoints,
  name: EndpointName,
  state?: Delivery["state"],
): Promise<ReadonlyMap<string, Delivery>> {
  const found = new Map<string, Delivery>();
  const query = new URLSearchParams({ limit: String(PAGE), ...(state !== undefined && { state }) });
  let next: string | null = `webhook-endpoints/${name}/deliveries?${query}`;
  while (next !== null) {
    const page = await endpoints.ask("GET", next);
    for (const delivery of page.body as Delivery[]) {
      if (found.has(delivery.runId)) throw new Error(`${name} lists the delivery of ${delivery.runId} twice`);
      found.set(delivery.runId, delivery);
    }
    next = page.next;
  }
  return found;
}

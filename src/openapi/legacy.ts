/** The operations that are not described where they are handled yet. */

import { withPersons } from "./acting.ts";
import { ACTION_OPERATIONS } from "./action-operations.ts";
import { DELIVERY_OPERATIONS } from "./delivery-operations.ts";
import type { Operation } from "./describe.ts";
import { ENDPOINT_OPERATIONS } from "./endpoint-operations.ts";
import { SESSION_OPERATIONS } from "./session-operations.ts";
import { TOKEN_OPERATIONS } from "./token-operations.ts";

export const LEGACY: Readonly<Record<string, Operation>> = withPersons({
  ...ACTION_OPERATIONS,
  ...ENDPOINT_OPERATIONS,
  ...DELIVERY_OPERATIONS,
  ...TOKEN_OPERATIONS,
  ...SESSION_OPERATIONS,
});

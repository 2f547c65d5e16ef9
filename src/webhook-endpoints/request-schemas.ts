/** zod: the request bodies of /webhook-endpoints, but for an endpoint itself. */

import * as z from "zod/mini";
import {
  GRACE_PERIOD_DEFAULT_SECONDS,
  GRACE_PERIOD_MAX_SECONDS,
  SIGNING_SECRETS_MAX,
} from "../base/limits.ts";
import { wholeNumber } from "../http/schema-bounds.ts";
import { described } from "../http/schema-parts.ts";

export const secretRotation = z
  .strictObject({
    gracePeriodSeconds: z.optional(
      described(
        wholeNumber("whole seconds", 0, GRACE_PERIOD_MAX_SECONDS),
        "How many seconds the replaced secret still signs, beside the new one. Then no older secret signs longer " +
          `either. With 0, only the new secret signs. Default: \`${GRACE_PERIOD_DEFAULT_SECONDS}\`, and older secrets ` +
          `keep their end. At most ${SIGNING_SECRETS_MAX} secrets sign at a time.`,
      ),
    ),
  })
  .register(z.globalRegistry, { id: "SigningSecretRotation", examples: [{ gracePeriodSeconds: 3600 }, {}] });

/**
 * The calls and messages between the Worker and a coordinator. Old and new code meet during a deploy, so only add.
 * Refusals are values, because an error loses its class on its way from the object to the Worker. The calls of each
 * subject stand in a file of their own, with the messages that only they use.
 */

import type { ArchiveCalls } from "./archive-calls.ts";
import type { BulkCalls } from "./bulk-calls.ts";
import type { EndpointCalls } from "./endpoint-calls.ts";
import type { GateCalls } from "./gate-calls.ts";
import type { MoveCalls } from "./move-calls.ts";
import type { RunCalls } from "./run-calls.ts";
import type { UpkeepCalls } from "./upkeep-calls.ts";
import type { WatchCalls } from "./watch-calls.ts";

export interface Coordinator
  extends RunCalls,
    GateCalls,
    WatchCalls,
    EndpointCalls,
    UpkeepCalls,
    BulkCalls,
    ArchiveCalls,
    MoveCalls {}

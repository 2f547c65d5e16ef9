/** What can happen in a step of a story. */

import type { Awake } from "../stage.ts";
import type { Scene } from "./scene.ts";

/** Returns "rung" if every alarm that was due has rung. */
export type Act = (scene: Scene, awake: Awake) => Promise<"rung" | undefined>;

/** How often each happens, compared with the others. */
export type Acts = Readonly<Record<string, readonly [weight: number, act: Act]>>;

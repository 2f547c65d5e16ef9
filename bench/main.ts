/** `npm run bench`: compares the service with the platform's own limits and with peers, and prints ratios. */

import { readFlags } from "./flags.ts";

// A wrong flag is refused at once. What measures takes seconds to load.
const flags = readFlags();
const { run } = await import("./modes.ts");
await run(flags);

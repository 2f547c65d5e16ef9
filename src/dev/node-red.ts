/** `npm run node-red`: installs Node-RED, so that `npm test` can run the example for it. */

import { installNodeRed } from "./tools.ts";

installNodeRed();

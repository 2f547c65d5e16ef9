/** `npm run -s openapi`: prints the OpenAPI document. */

import { documentFromSource } from "./document.ts";

console.log(JSON.stringify(await documentFromSource(), null, 2));

/** What `npm run bench -- --help` prints. */

import { OPERATIONS } from "./operations.ts";

export const USAGE = `npm run bench                              all, in about 24 minutes
npm run bench -- --quick                   the same with fewer and shorter rounds, in about 3 minutes
npm run bench -- --only create             only what is compared with this operation
npm run bench -- --only writes             only the rows written for a run, and the batches
npm run bench -- --only bulk               only the rows written by bulk operations
npm run bench -- --only gap                only the time from a report to the next run of a group
npm run bench -- --only databases          an environment in another database beside one in the first
npm run bench -- --profile create          where the time of an operation goes, as a .cpuprofile
                 --callers 64              how many callers then (1, 16 or 64)
npm run bench -- --rounds 1 --ms 100       how many rounds, and how long each operation runs in one
npm run bench -- --growth                  what a million runs change, beside 10 thousand
                 --runs 10000,100000       other numbers of runs
                 --databases 4             in four databases
npm run bench -- --memory                  what workerd holds after 200 thousand requests, in about 20 minutes
                 --requests 20000          after another number of requests
npm run bench -- --trial                   as little as possible of all of these, to try the bench itself

--only and --profile take lists, and work together: --only create,writes --profile create,"get, open run"
compares what is in --only and profiles what is in --profile. Each may also be given several times.

--built                                    measures what the last bench has built
--json FILE, --plot FILE                   where the result goes as JSON and as an SVG

Operations: ${Object.keys(OPERATIONS).join("; ")}`;

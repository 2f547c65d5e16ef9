/** What to add to Node-RED's own settings.js. */
module.exports = {
  // Node-RED listens a moment before its flows have started. It would answer 404 then, which ends the run. After 503 the
  // service tries again. Node-RED wants a folder here: choose one that is empty or missing.
  httpStatic: [
    { root: "/action-runs/", path: "/var/empty", middleware: (_request, response) => response.status(503).end() },
  ],
};

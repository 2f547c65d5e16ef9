/** Whether a request of the service is genuine. The body: as it arrived, before anything parses it. */

import { createHmac, timingSafeEqual } from "node:crypto";

export function isGenuine(secret: string, headers: Record<string, string>, rawBody: string): boolean {
  const { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": sent = "" } = headers;
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const digest = createHmac("sha256", key).update(`${id}.${at}.${rawBody}`).digest("base64");
  const expected = Buffer.from(`v1,${digest}`);
  const signatures = sent.split(" ").map((one) => Buffer.from(one)); // after a rotation, more than one
  const isRecent = Math.abs(Date.now() / 1000 - Number(at)) < 300;
  return isRecent && signatures.some((one) => one.length === expected.length && timingSafeEqual(one, expected));
}

import { expect, it } from "vitest";
import { AttemptPermits } from "../../../src/runs/coordinator/sending/receiver-queues.ts";
import { sharedByHosts } from "../../../src/runs/coordinator/sending/run-requests.ts";

const permitsOf = (attempts: number, bytes: number) =>
  new AttemptPermits(sharedByHosts({ attempts, bytes }), ({ attempt }) => (attempt > 0 ? 1 : 0));

it("an attempt has its permit until it is answered or lost", async () => {
  const answers: PromiseWithResolvers<string>[] = [];
  const permits = permitsOf(2, 10);
  let receivers = 0;
  const attempt = (weight: number) => {
    const answer = Promise.withResolvers<string>();
    answers.push(answer);
    const queued = { receiver: `${++receivers}.example`, weight, attempt: 0 };
    return permits.hold(
      queued,
      0,
      () => answer.promise,
      () => true,
    );
  };
  const room = () =>
    [0, 4, 5, 10, 11].filter((weight) => permits.hasRoomFor({ receiver: "other.example", weight, attempt: 0 }, 0));

  expect(room()).toEqual([0, 4, 5, 10]);
  const answered = attempt(6);
  expect(room()).toEqual([0, 4]);
  const lost = attempt(4);
  expect(room()).toEqual([]);
  answers[0]?.resolve("answered");
  expect(await answered).toBe("answered");
  expect(room()).toEqual([0, 4, 5]);
  answers[1]?.reject(new Error("the isolate is gone"));
  await expect(lost).rejects.toThrow("the isolate is gone");
  expect(room()).toEqual([0, 4, 5, 10]);
});

it("a host that fails is remembered, however many hosts that work are seen", async () => {
  const permits = permitsOf(500, 1000);
  const attempt = (receiver: string, works: boolean) =>
    permits.hold(
      { receiver, weight: 1, attempt: 0 },
      1000,
      async () => works,
      (result) => result,
    );
  const isOpen = (receiver: string) => permits.hasRoomFor({ receiver, weight: 1, attempt: 0 }, 1001);
  for (let n = 0; n < 5; n++) await attempt("dead.example", false);
  for (let n = 0; n < 3000; n++) await attempt(`h${n}.example`, true);
  expect([isOpen("dead.example"), isOpen("h0.example")]).toEqual([false, true]);
});

// One line a test, what went wrong below it, and the sum as the closing line.

export default async function* report(source) {
  const counts = { passed: 0, failed: 0 };
  for await (const { type, data } of source) {
    if (type === "test:stdout" || type === "test:stderr") yield data.message;
    if (type !== "test:pass" && type !== "test:fail") continue;
    const isPassed = type === "test:pass";
    // A file is reported, too, where it fails outside of its tests.
    if (isPassed && data.name.endsWith(".test.js")) continue;
    counts[isPassed ? "passed" : "failed"] += 1;
    yield `${isPassed ? "ok    " : "FAILED"} ${data.name} (${Math.round(data.details.duration_ms)} ms)\n`;
    if (!isPassed) yield `${reason(data.details.error)}\n`;
  }
  yield `${counts.passed} passed, ${counts.failed} failed\n`;
}

function reason(error) {
  const cause = error?.cause ?? error;
  const text = cause?.stack ?? String(cause);
  return text.replaceAll(/^/gm, "         ");
}

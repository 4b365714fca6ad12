// Replays a workload file (see bench/workload.py) and prints one line of JSON when done.
// Environment: WORKLOAD (the file), BASE_URL, FIRST_ISBN, CONNECTIONS, SECONDS.

import http from "k6/http";
import exec from "k6/execution";
import { SharedArray } from "k6/data";

const PLACE = "NEWISBN_PLACE";
const lines = new SharedArray("calls", () => open(__ENV.WORKLOAD).trimEnd().split("\n"));

const calls = [];
for (const line of lines) {
  const [method, path, token, body] = line.split("\t");
  const headers = {};
  if (token) headers["Authorization"] = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  calls.push({ method, url: __ENV.BASE_URL + path, body: body || null, params: { headers } });
}

export const options = {
  scenarios: {
    load: { executor: "constant-vus", vus: +__ENV.CONNECTIONS, duration: `${__ENV.SECONDS}s`, gracefulStop: "5s" },
  },
  discardResponseBodies: true,
  summaryTrendStats: ["med", "p(99)"],
  systemTags: ["status"],
};

export default function () {
  const turn = exec.scenario.iterationInTest;
  const call = calls[turn % calls.length];
  let body = call.body;
  if (body && body.includes(PLACE)) {
    const number = +__ENV.FIRST_ISBN + turn + 1;
    body = body.replace(PLACE, "979" + String(number).padStart(10, "0"));
  }
  http.request(call.method, call.url, body, call.params);
}

export function handleSummary(data) {
  const took = data.metrics.http_req_duration.values;
  const summary = {
    requests: data.metrics.http_reqs.values.count,
    seconds: data.state.testRunDurationMs / 1000,
    p50_ms: took.med,
    p99_ms: took["p(99)"],
    errors: data.metrics.http_req_failed.values.passes,
  };
  return { stdout: JSON.stringify(summary) + "\n" };
}

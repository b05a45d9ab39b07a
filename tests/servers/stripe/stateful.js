// stripe-stateful-mock with the PaymentIntents that it lacks. Money, keys, declines, failures and refunds are all its
// own: an intent here is a charge there by another name, made under the same key. What is added is the network and the
// index of a bad day, by words before the token: `lost:tok_visa` is charged and not answered the first time, `missed:`
// is not even charged the first time, `hidden:` is never found by a search.
const express = require("express");
const { createExpressApp } = require("stripe-stateful-mock");

const [host, port] = process.argv[2].split(":");
const mock = createExpressApp();
const app = express();
const seen = new Set();
const hidden = new Set();
let base;

const ask = async (request, path, form) => {
  const headers = { authorization: request.header("authorization") || "" };
  if (form) headers["content-type"] = "application/x-www-form-urlencoded";
  const key = request.header("idempotency-key");
  if (form && key) headers["idempotency-key"] = key;
  const answer = await fetch(base + path, { method: form ? "POST" : "GET", headers, body: form && form.toString() });
  return { ok: answer.ok, status: answer.status, body: await answer.json() };
};

const chargeId = (intent) => intent.replace(/^pi_/, "ch_");

const intent = (charge) => ({
  id: charge.id.replace(/^ch_/, "pi_"),
  object: "payment_intent",
  amount: charge.amount,
  amount_received: charge.paid ? charge.amount : 0,
  currency: charge.currency,
  metadata: charge.metadata,
  status: charge.paid ? "succeeded" : "requires_payment_method",
  last_payment_error: charge.paid ? null : { code: charge.failure_code, message: charge.failure_message },
});

const tell = (response, answer, as) => response.status(answer.status).json(answer.ok ? as(answer.body) : answer.body);

const form = express.text({ type: "*/*" });

app.post("/v1/payment_intents", form, async (request, response) => {
  const asked = new URLSearchParams(request.body);
  const words = asked.get("payment_method").split(":");
  const [token, first] = [words.pop(), !seen.has(request.header("idempotency-key"))];
  seen.add(request.header("idempotency-key"));
  if (words.includes("missed") && first) return request.socket.destroy();
  const charge = new URLSearchParams({ amount: asked.get("amount"), currency: asked.get("currency"), source: token });
  asked.forEach((value, name) => name.startsWith("metadata[") && charge.append(name, value));
  const answer = await ask(request, "/v1/charges", charge);
  if (words.includes("hidden") && answer.ok) hidden.add(answer.body.id);
  if (words.includes("lost") && first) return request.socket.destroy();
  tell(response, answer, intent);
});

app.get("/v1/payment_intents/search", async (request, response) => {
  const wanted = [...request.query.query.matchAll(/metadata\['(\w+)'\]:'([^']*)'/g)];
  const answer = await ask(request, "/v1/charges?limit=100");
  const found = (charge) => !hidden.has(charge.id) && wanted.every(([, name, value]) => charge.metadata[name] === value);
  tell(response, answer, (charges) => ({ object: "search_result", data: charges.data.filter(found).map(intent) }));
});

app.get("/v1/payment_intents/:id", async (request, response) => {
  tell(response, await ask(request, `/v1/charges/${chargeId(request.params.id)}`), intent);
});

app.post("/v1/refunds", form, async (request, response) => {
  const asked = new URLSearchParams(request.body);
  asked.set("charge", chargeId(asked.get("payment_intent")));
  asked.delete("payment_intent");
  tell(response, await ask(request, "/v1/refunds", asked), (refund) => refund);
});

app.get("/v1/refunds", async (request, response) => {
  const path = `/v1/refunds?limit=100&charge=${chargeId(request.query.payment_intent)}`;
  tell(response, await ask(request, path), (refunds) => refunds);
});

// What it was asked of charges can be looked up as it keeps them.
app.use(mock);

const inner = mock.listen(0, "127.0.0.1", () => {
  base = `http://127.0.0.1:${inner.address().port}`;
  app.listen(Number(port), host);
});

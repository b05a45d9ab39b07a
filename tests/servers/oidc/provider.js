// oidc-provider, a certified OpenID provider, as an issuer of access tokens for boxoffice: by client credentials, for
// people too, whose name is the client's. Beside it, for tests alone: /test/rotate has it sign with a new key and keep the
// last one known, /test/seen counts what it was asked, /test/grant/NAME asks it for a token as that client, and
// /test/tokens gives tokens that are wrong in one way each, signed with its own key wherever that makes them look right.
const crypto = require("crypto");
const http = require("http");
const { Provider } = require("oidc-provider");

const [host, port] = process.argv[2].split(":");
const ISSUER = `http://${host}:${port}`;
const AUDIENCE = "boxoffice";
const SECRET = "a secret: of this test";
// What a client's tokens say, in words of the issuer's own.
const CLAIMS = {
  alice: { realm: { roles: ["kunde", "offline_access"] } },
  acme: { realm: { roles: ["veranstalter"] }, firm: { id: "acme" } },
  mallory: { realm: { roles: ["buyer", "admin", "service"] } },
  "boxoffice-servers": { realm: { roles: ["dienst"] } },
};
const TOKEN_SECONDS = Number(process.env.TOKEN_SECONDS || 300);

const seen = {};
let number = 0;
let key;
let provider;

// A second start over the same port has the same first key, as an issuer that was away has.
const seeded = () => {
  const file = `${__dirname}/first-key.json`;
  const fs = require("fs");
  if (!fs.existsSync(file)) fs.writeFileSync(file, JSON.stringify(fresh()));
  return JSON.parse(fs.readFileSync(file));
};

const fresh = () => {
  const { privateKey } = crypto.generateKeyPairSync("rsa", { modulusLength: 2048 });
  number += 1;
  return { ...privateKey.export({ format: "jwk" }), kid: `key-${number}-${crypto.randomUUID()}`, use: "sig", alg: "RS256" };
};

const begin = (jwk) => {
  const keys = key ? [jwk, key] : [jwk];
  key = jwk;
  provider = new Provider(ISSUER, {
    clients: Object.keys(CLAIMS).map((client_id) => ({
      client_id,
      client_secret: SECRET,
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
    })),
    jwks: { keys },
    cookies: { keys: ["of this test"] },
    ttl: { ClientCredentials: TOKEN_SECONDS },
    extraTokenClaims: (_context, token) => CLAIMS[token.clientId],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => `urn:${AUDIENCE}`,
        getResourceServerInfo: () => ({
          scope: "",
          audience: AUDIENCE,
          accessTokenFormat: "jwt",
          accessTokenTTL: TOKEN_SECONDS,
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
  });
};

const part = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

const token = (header, claims, sign) => {
  const text = `${part(header)}.${part(claims)}`;
  return `${text}.${sign(text)}`;
};

const tokens = () => {
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: "RS256", typ: "at+jwt", kid: key.kid };
  const claims = { iss: ISSUER, aud: AUDIENCE, sub: "alice", iat: now, exp: now + 300, ...CLAIMS.alice };
  const privateKey = crypto.createPrivateKey({ key, format: "jwk" });
  const publicKey = crypto.createPublicKey(privateKey);
  const rs256 = (by) => (text) => crypto.sign("sha256", Buffer.from(text), by).toString("base64url");
  const hs256 = (secret) => (text) => crypto.createHmac("sha256", secret).update(text).digest("base64url");
  const ours = rs256(privateKey);
  const stranger = crypto.generateKeyPairSync("rsa", { modulusLength: 2048 });
  const strange = { ...stranger.publicKey.export({ format: "jwk" }), kid: "strange", use: "sig", alg: "RS256" };
  const without = (name) => {
    const { [name]: _gone, ...rest } = claims;
    return rest;
  };
  const claimed = (other) => token(header, { ...claims, ...other }, ours);
  const headed = (other, by = ours) => token({ ...header, ...other }, claims, by);
  const forged = rs256(stranger.privateKey);
  const pem = publicKey.export({ type: "spki", format: "pem" });
  return {
    good: token(header, claims, ours),
    bad: {
      expired: claimed({ iat: now - 600, exp: now - 300 }),
      "not valid before long": claimed({ nbf: now + 300 }),
      "no exp": token(header, without("exp"), ours),
      "exp in letters": claimed({ exp: String(now + 300) }),
      "another audience": claimed({ aud: "elsewhere" }),
      "no audience": token(header, without("aud"), ours),
      "another issuer": claimed({ iss: "https://id.evil.test" }),
      "its issuer with a slash": claimed({ iss: `${ISSUER}/` }),
      "no subject": token(header, without("sub"), ours),
      "alg none": token({ ...header, alg: "none" }, claims, () => ""),
      "alg none, signed": headed({ alg: "none" }),
      "HS256 by the public key's PEM": headed({ alg: "HS256" }, hs256(pem)),
      "HS256 by the public key's JWK": headed({ alg: "HS256" }, hs256(JSON.stringify(publicKey.export({ format: "jwk" })))),
      "HS256 by the public key's DER": headed({ alg: "HS256" }, hs256(publicKey.export({ type: "spki", format: "der" }))),
      "RS512 by the right key": headed({ alg: "RS512" }, (text) => crypto.sign("sha512", Buffer.from(text), privateKey).toString("base64url")),
      "a key nobody knows": headed({ kid: "nobody's" }, forged),
      "no key id": token({ alg: "RS256", typ: "at+jwt" }, claims, ours),
      "a stranger's key under a known id": headed({}, forged),
      "its own key along in jwk": headed({ kid: "strange", jwk: strange }, forged),
      "a known id and its own key along": headed({ jwk: strange }, forged),
      "its own keys by jku": headed({ kid: "strange", jku: `${ISSUER}/test/strange` }, forged),
      "its own keys by x5u": headed({ kid: "strange", x5u: `${ISSUER}/test/strange` }, forged),
      "typ of another use": headed({ typ: "secevent+jwt" }),
      "typ of a refresh token": headed({ typ: "rt+jwt" }),
      "no typ": token({ alg: "RS256", kid: key.kid }, claims, ours),
      "a critical extension": headed({ crit: ["b64"], b64: true }),
      "an ID token": token({ ...header, typ: "JWT" }, { ...claims, at_hash: "x", nonce: "n" }, ours),
      "a refresh token that is a JWT": token({ ...header, typ: "JWT" }, { ...claims, typ: "Refresh" }, ours),
      "a refresh token that is none": crypto.randomBytes(32).toString("base64url"),
      "cut short": token(header, claims, ours).slice(0, -8),
    },
  };
};

const grant = async (name) => {
  const basic = [name, SECRET].map(encodeURIComponent).join(":");
  const headers = { authorization: `Basic ${Buffer.from(basic).toString("base64")}` };
  const body = new URLSearchParams({ grant_type: "client_credentials" });
  const answer = await fetch(`${ISSUER}/token`, { method: "POST", headers, body });
  return answer.json();
};

const test = async (path, response) => {
  const answer = (value) => response.setHeader("content-type", "application/json").end(JSON.stringify(value));
  if (path === "/test/rotate") {
    begin(fresh());
    return answer({ kid: key.kid });
  }
  if (path === "/test/tokens") return answer(tokens());
  if (path === "/test/seen") return answer(seen);
  if (path.startsWith("/test/grant/")) return answer(await grant(path.slice("/test/grant/".length)));
  return response.writeHead(404).end();
};

begin(seeded());
http
  .createServer((request, response) => {
    const path = request.url.split("?")[0];
    seen[path] = (seen[path] || 0) + 1;
    if (path.startsWith("/test/")) return test(path, response);
    return provider.callback()(request, response);
  })
  .listen(Number(port), host);

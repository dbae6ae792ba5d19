// Decoding of bytes and numbers embedded as text.

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

// Decompresses a zlib stream given in parts.
async function inflate(parts) {
  const stream = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function decodeFloats(base64) {
  const bytes = bytesOf(base64);
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

// Decompresses the words’ data and their relevance.
async function unpack(data) {
  const text = new TextDecoder().decode(await inflate([bytesOf(data.packed)]));
  delete data.packed;
  Object.assign(data, JSON.parse(text));
  if (data.relevance) data.relevance = decodeRelevance(await inflate([bytesOf(data.relevance)]), data);
}

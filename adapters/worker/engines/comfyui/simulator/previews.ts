// A preview as it goes over the socket: one small JPEG, with or without what it belongs to.
import sharp from 'sharp';

const JPEG = await sharp({
  create: { width: 32, height: 32, channels: 3, background: { r: 90, g: 120, b: 160 } },
})
  .jpeg()
  .toBuffer();

export function binaryPreview(of: { readonly node: string; readonly id: string } | null): Buffer {
  if (of === null) return Buffer.concat([Buffer.from([0, 0, 0, 1, 0, 0, 0, 1]), JPEG]);
  const { node, id } = of;
  const metadata = Buffer.from(
    JSON.stringify({
      ...{ node_id: node, prompt_id: id, display_node_id: node },
      ...{ parent_node_id: null, real_node_id: node, image_type: 'image/jpeg' },
    }),
  );
  const head = Buffer.alloc(8);
  head.writeUInt32BE(4, 0);
  head.writeUInt32BE(metadata.length, 4);
  return Buffer.concat([head, metadata, JPEG]);
}

/** What a node has to say in words. */
export function binaryText(node: string, words: string): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(3, 0);
  head.writeUInt32BE(Buffer.byteLength(node), 4);
  return Buffer.concat([head, Buffer.from(node + words)]);
}

"""The renderer's inner loops, compiled for the CPU by warp: normals, triangles to pixels, pixels to colours.

    vertices --> normals --> nearest triangle of each sample (integer maximum of 1/z and index) --> colour of the sample

Pixels are (x, y) with the centre of the top-left sample at (0, 0).
"""

# warp reads the annotations of kernels as they are written, so they must not become strings.
# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false, reportArgumentType=false
# pyright: reportAssignmentType=false, reportIndexIssue=false, reportOperatorIssue=false, reportCallIssue=false, reportAttributeAccessIssue=false

import warp as wp

wp.config.log_level = wp.LOG_ERROR
wp.set_module_options({"enable_backward": False, "fast_math": True})

SKIN = wp.constant(0)
EYE = wp.constant(1)
MOUTH = wp.constant(2)
TONGUE = wp.constant(3)
TEETH = wp.constant(4)
CLOTH = wp.constant(5)
NOISE_SIZE = 256
NOISE_MASK = wp.constant(NOISE_SIZE - 1)


@wp.struct
class Surface:
    """Look and light of one picture, linear red green blue."""

    skin: wp.vec3
    lips: wp.vec3
    lip_strength: float
    hair: wp.vec3
    brows: wp.vec3
    brow_strength: float
    brow_height: float
    brow_width: float
    brow_arch: float
    lash_strength: float
    eyes: wp.vec3
    iris: float
    pupil: float
    stubble: float
    flush: float
    blotches: float
    shine: float
    cloth: wp.vec3
    hair_on: float
    sky: wp.vec3
    ground: wp.vec3
    key: wp.vec3
    key_towards: wp.vec3
    fill: wp.vec3
    fill_towards: wp.vec3
    camera: wp.vec3
    """Its centre in the world."""
    up: wp.vec3
    """Up of the world."""
    mouth: wp.vec3
    """Middle between the lips in the world."""
    inward: wp.vec3
    """Into the mouth, of unit length."""
    left_eye: wp.vec3
    """Centre on the average body."""
    right_eye: wp.vec3


@wp.kernel
def add_normals(vertices: wp.array(dtype=wp.vec3), faces: wp.array2d(dtype=int), normals: wp.array(dtype=wp.vec3)):
    """Every triangle adds its area's normal to its corners."""
    i = wp.tid()
    a, b, c = faces[i, 0], faces[i, 1], faces[i, 2]
    n = wp.cross(vertices[b] - vertices[a], vertices[c] - vertices[a])
    wp.atomic_add(normals, a, n)
    wp.atomic_add(normals, b, n)
    wp.atomic_add(normals, c, n)


@wp.kernel
def nearest_triangles(
    pixels: wp.array(dtype=wp.vec3), faces: wp.array2d(dtype=int), nearest: wp.array2d(dtype=wp.int64)
):
    """Into `nearest`, per sample, 1/z in steps of 2^-24 per metre^-1 above the index of the triangle plus one.

    `pixels` are x, y and 1/z, the last 0 or less for what cannot be drawn. Backs are not drawn.
    """
    i = wp.tid()
    p, q, r = pixels[faces[i, 0]], pixels[faces[i, 1]], pixels[faces[i, 2]]
    if p[2] <= 0.0 or q[2] <= 0.0 or r[2] <= 0.0:
        return
    area = (q[0] - p[0]) * (r[1] - p[1]) - (r[0] - p[0]) * (q[1] - p[1])
    if area > -1.0e-6:
        return
    height, width = nearest.shape[0], nearest.shape[1]
    x0 = wp.max(int(wp.ceil(wp.min(p[0], wp.min(q[0], r[0])))), 0)
    x1 = wp.min(int(wp.floor(wp.max(p[0], wp.max(q[0], r[0])))), width - 1)
    y0 = wp.max(int(wp.ceil(wp.min(p[1], wp.min(q[1], r[1])))), 0)
    y1 = wp.min(int(wp.floor(wp.max(p[1], wp.max(q[1], r[1])))), height - 1)
    scale = 1.0 / area
    for y in range(y0, y1 + 1):
        for x in range(x0, x1 + 1):
            fx = float(x)
            fy = float(y)
            u = ((q[0] - fx) * (r[1] - fy) - (r[0] - fx) * (q[1] - fy)) * scale
            v = ((r[0] - fx) * (p[1] - fy) - (p[0] - fx) * (r[1] - fy)) * scale
            w = 1.0 - u - v
            if u >= 0.0 and v >= 0.0 and w >= 0.0:
                nearness = u * p[2] + v * q[2] + w * r[2]
                packed = (wp.int64(nearness * 1.6777216e7) << wp.int64(24)) | wp.int64(i + 1)
                wp.atomic_max(nearest, y, x, packed)


@wp.func
def mix(a: wp.vec3, b: wp.vec3, share: float):
    """From `a` to `b`."""
    return a + (b - a) * share


@wp.func
def ramp(value: float, low: float, high: float):
    """0 below `low`, 1 above `high`."""
    t = wp.clamp((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@wp.func
def lobe(cosine: float, sharp: float):
    """A highlight between the 16th and the 128th power of the cosine."""
    c2 = cosine * cosine
    c4 = c2 * c2
    c16 = c4 * c4 * c4 * c4
    c64 = c16 * c16 * c16 * c16
    return c16 + (c64 * c64 - c16) * sharp


@wp.func
def grain(noise: wp.array2d(dtype=float), x: float, z: float, scale: float):
    """Smooth noise of unit deviation at a place of the average head; `scale` texels per metre."""
    fx = x * scale + 4096.0
    fz = z * scale + 4096.0
    ix = int(fx)
    iz = int(fz)
    ax = fx - float(ix)
    az = fz - float(iz)
    x0 = ix & NOISE_MASK
    x1 = (ix + 1) & NOISE_MASK
    z0 = iz & NOISE_MASK
    z1 = (iz + 1) & NOISE_MASK
    top = noise[z0, x0] * (1.0 - ax) + noise[z0, x1] * ax
    low = noise[z1, x0] * (1.0 - ax) + noise[z1, x1] * ax
    return top * (1.0 - az) + low * az


@wp.func
def eye_colour(place: wp.vec3, s: Surface, noise: wp.array2d(dtype=float)):
    """White, iris with its dark rim, pupil."""
    center = s.left_eye
    if place[0] < 0.0:
        center = s.right_eye
    dx = place[0] - center[0]
    dz = place[2] - center[2]
    radius = wp.sqrt(dx * dx + dz * dz)
    white = wp.vec3(0.70, 0.66, 0.63) - wp.vec3(0.0, 0.10, 0.10) * ramp(radius, 0.008, 0.013)
    ring = (
        0.75
        + 0.35 * ramp(radius, s.pupil, s.iris)
        + 0.12 * grain(noise, dx / (radius + 0.001), dz / (radius + 0.001), 9.0)
    )
    iris = s.eyes * ring * (1.0 - 0.65 * ramp(radius, s.iris - 0.0012, s.iris))
    colour = mix(iris, white, ramp(radius, s.iris - 0.0002, s.iris + 0.0005))
    return mix(wp.vec3(0.005, 0.005, 0.006), colour, ramp(radius, s.pupil - 0.0002, s.pupil + 0.0003))


@wp.func
def brow(place: wp.vec3, s: Surface, noise: wp.array2d(dtype=float)):
    """How much brow covers a point."""
    if place[1] > -0.12 or place[2] < 1.68 or place[2] > 1.72:
        return 0.0
    x = wp.abs(place[0])
    along = wp.clamp((x - 0.012) / 0.042, 0.0, 1.0)
    arc = 1.6985 + s.brow_height + s.brow_arch * wp.sin(along * 2.6)
    width = s.brow_width * (1.0 - 0.65 * along * along)
    off = (place[2] - arc) / width
    ends = ramp(x, 0.009, 0.015) * (1.0 - ramp(x, 0.048, 0.057))
    hairs = 0.9 + 0.2 * grain(noise, place[0] + 0.6 * place[2], place[2], 2600.0)
    return wp.clamp(wp.exp(-off * off * off * off) * ends * hairs, 0.0, 1.0)


@wp.func
def skin_colour(place: wp.vec3, paint: wp.vec4, s: Surface, noise: wp.array2d(dtype=float)):
    """Skin with everything painted on it."""
    x = wp.abs(place[0])
    uneven = 0.05 * grain(noise, place[0], place[2], 120.0) + 0.02 * grain(noise, place[0], place[2] + 3.0, 700.0)
    colour = s.skin * (1.0 + s.blotches * uneven)
    if paint[3] * s.hair_on > 0.99:
        return s.hair * (1.0 + 0.25 * grain(noise, place[0] + 0.3 * place[1], 0.15 * place[2], 1500.0))
    if place[1] < -0.10:
        red = s.flush * 0.0
        cheek = ((x - 0.042) * (x - 0.042) + (place[2] - 1.640) * (place[2] - 1.640)) / 0.00040
        nose = (x * x + (place[2] - 1.640) * (place[2] - 1.640)) / 0.00016
        if cheek < 4.0 or nose < 4.0:
            red = s.flush * 0.5 * (wp.exp(-cheek) + wp.exp(-nose))
        colour = wp.cw_mul(colour, wp.vec3(1.0 - 0.04 * red, 1.0 - 0.30 * red, 1.0 - 0.26 * red))
        if s.stubble > 0.0 and place[2] < 1.632:
            jaw = ramp(place[2], 1.545, 1.57) * (1.0 - ramp(place[2], 1.620 - 0.2 * x, 1.632 - 0.2 * x))
            hairs = 0.8 + 0.3 * grain(noise, place[0], place[2], 1800.0)
            colour = mix(colour, s.hair, wp.clamp(s.stubble * jaw * hairs * 0.7 * (1.0 - paint[0]), 0.0, 0.9))
    colour = mix(colour, colour * 0.78, 0.7 * paint[2])
    if paint[0] > 0.25:
        lines = 1.0 + 0.08 * grain(noise, place[0], 0.2 * place[2], 1400.0)
        colour = mix(colour, s.lips * lines, ramp(paint[0], 0.25, 0.8) * s.lip_strength)
    colour = mix(colour, s.brows, brow(place, s, noise) * s.brow_strength)
    colour = mix(colour, wp.vec3(0.015, 0.012, 0.010), ramp(paint[1], 0.3, 0.9) * s.lash_strength)
    if paint[3] * s.hair_on > 0.0:
        strands = 1.0 + 0.25 * grain(noise, place[0] + 0.3 * place[1], 0.15 * place[2], 1500.0)
        colour = mix(colour, s.hair * strands, paint[3] * s.hair_on)
    return colour


@wp.func
def shine_of(point: wp.vec3, normal: wp.vec3, sharp: float, s: Surface):
    """What lamps and, at grazing angles, the sky mirror in the surface."""
    view = wp.normalize(s.camera - point)
    a = wp.max(wp.dot(normal, wp.normalize(view + s.key_towards)), 0.0)
    b = wp.max(wp.dot(normal, wp.normalize(view + s.fill_towards)), 0.0)
    facing = 1.0 - wp.max(wp.dot(normal, view), 0.0)
    return s.key * lobe(a, sharp) + s.fill * lobe(b, sharp) + s.sky * (0.2 * facing * facing * facing)


@wp.kernel
def light_vertices(
    vertices: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    paint: wp.array(dtype=wp.vec4),
    s: Surface,
    light: wp.array(dtype=wp.vec3),
    shine: wp.array(dtype=wp.vec3),
):
    """Of each vertex, the light that falls on it and the light that it mirrors."""
    i = wp.tid()
    normal = normals[i]
    soft = wp.max((wp.dot(normal, s.key_towards) + 0.25) * 0.8, 0.0)
    wrapped = wp.max((wp.dot(normal, s.fill_towards) + 0.3) * 0.77, 0.0)
    ambient = mix(s.ground, s.sky, 0.5 + 0.5 * wp.dot(normal, s.up))
    light[i] = ambient + s.key * soft * (0.4 + 0.6 * soft) + s.fill * wrapped
    lips = paint[i][0]
    shine[i] = shine_of(vertices[i], normal, 0.4 * lips, s) * s.shine * (0.25 + 0.35 * lips)


@wp.kernel
def shade(
    nearest: wp.array2d(dtype=wp.int64),
    pixels: wp.array(dtype=wp.vec3),
    faces: wp.array2d(dtype=int),
    material: wp.array(dtype=int),
    vertices: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    place: wp.array(dtype=wp.vec3),
    paint: wp.array(dtype=wp.vec4),
    light: wp.array(dtype=wp.vec3),
    shine: wp.array(dtype=wp.vec3),
    noise: wp.array2d(dtype=float),
    s: Surface,
    out: wp.array2d(dtype=wp.vec4),
):
    """Linear red green blue and cover (1 or 0) of each sample."""
    y, x = wp.tid()
    packed = nearest[y, x]
    if packed == wp.int64(0):
        out[y, x] = wp.vec4(0.0, 0.0, 0.0, 0.0)
        return
    i = int(packed & wp.int64(16777215)) - 1
    ia, ib, ic = faces[i, 0], faces[i, 1], faces[i, 2]
    p, q, r = pixels[ia], pixels[ib], pixels[ic]
    fx = float(x)
    fy = float(y)
    u = ((q[0] - fx) * (r[1] - fy) - (r[0] - fx) * (q[1] - fy)) * p[2]
    v = ((r[0] - fx) * (p[1] - fy) - (p[0] - fx) * (r[1] - fy)) * q[2]
    w = ((p[0] - fx) * (q[1] - fy) - (q[0] - fx) * (p[1] - fy)) * r[2]
    total = 1.0 / (u + v + w)
    u = u * total
    v = v * total
    w = w * total
    at = place[ia] * u + place[ib] * v + place[ic] * w
    lit = light[ia] * u + light[ib] * v + light[ic] * w
    kind = material[i]
    colour = wp.vec3(0.0, 0.0, 0.0)
    if kind == SKIN:
        painted = paint[ia] * u + paint[ib] * v + paint[ic] * w
        mirrored = shine[ia] * u + shine[ib] * v + shine[ic] * w
        colour = wp.cw_mul(skin_colour(at, painted, s, noise), lit) + mirrored
    elif kind == CLOTH:
        colour = wp.cw_mul(s.cloth * (1.0 + 0.1 * grain(noise, at[0], at[2], 500.0)), lit)
    else:
        point = vertices[ia] * u + vertices[ib] * v + vertices[ic] * w
        normal = wp.normalize(normals[ia] * u + normals[ib] * v + normals[ic] * w)
        depth = wp.dot(point - s.mouth, s.inward)
        if kind == EYE:
            lid = 1.0 - 0.45 * ramp(at[2] - s.left_eye[2], -0.002, 0.0065)
            colour = (wp.cw_mul(eye_colour(at, s, noise), lit) + shine_of(point, normal, 1.0, s) * 0.8) * lid
        elif kind == MOUTH:
            albedo = mix(wp.vec3(0.30, 0.09, 0.08), wp.vec3(0.10, 0.02, 0.02), ramp(depth, 0.0, 0.02))
            colour = wp.cw_mul(albedo, lit) * wp.exp(-wp.max(depth - 0.002, 0.0) / 0.010)
        elif kind == TONGUE:
            albedo = wp.vec3(0.42, 0.14, 0.13) * (1.0 + 0.1 * grain(noise, at[0], at[1] + 1.0, 900.0))
            wet = shine_of(point, normal, 0.4, s) * 0.25
            colour = (wp.cw_mul(albedo, lit) + wet) * wp.exp(-wp.max(depth - 0.004, 0.0) / 0.016)
        else:
            gap = wp.abs(wp.sin(at[0] * 3.14159 / 0.0072))
            albedo = wp.vec3(0.62, 0.57, 0.46) * (0.6 + 0.4 * ramp(gap, 0.0, 0.25))
            albedo = mix(albedo, wp.vec3(0.38, 0.13, 0.12), ramp(wp.abs(at[2] - 1.6045), 0.0095, 0.0105))
            wet = shine_of(point, normal, 0.6, s) * 0.4
            colour = (wp.cw_mul(albedo, lit) + wet) * wp.exp(-wp.max(depth - 0.005, 0.0) / 0.014)
    out[y, x] = wp.vec4(colour[0], colour[1], colour[2], 1.0)

"""The table of methods: one entry each. Reading it imports no method and no torch."""

from collections.abc import Mapping

from tam.methods.method import Method

_ONE_EACH = "1 forward, 1 backward a word"

_TABLE = (
    Method(
        "tam",
        "Token Activation Map: projection on the word, earlier words taken out, filtered",
        "arXiv 2506.23270",
        "tam.methods.token_activation:token_activation",
        "1 matrix product",
        replays=False,
        streams=True,
        candidates=True,
    ),
    Method(
        "tam-published",
        "tam with the published code's choice of classes for two tokens",
        "arXiv 2506.23270",
        "tam.methods.published:tam_published",
        "1 matrix product, 1 state through the head",
    ),
    Method(
        "tam-plus",
        "tam on the word's probabilities, smoothed along the picture's edges",
        "this toolkit",
        "tam.methods.tam_plus:tam_plus",
        "1 product with the whole head",
    ),
    Method(
        "activation",
        "raw activation: projection on the word alone (CAM, the last layer's logit lens)",
        "arXiv 2506.23270",
        "tam.methods.parts:activation",
        "1 matrix product",
        replays=False,
    ),
    Method(
        "eci",
        "activation with earlier words taken out, not filtered",
        "arXiv 2506.23270",
        "tam.methods.parts:eci",
        "1 matrix product",
        replays=False,
    ),
    Method(
        "rgf",
        "activation filtered, earlier words left in",
        "arXiv 2506.23270",
        "tam.methods.parts:rgf",
        "1 matrix product",
        replays=False,
    ),
    Method(
        "logit-lens",
        "a layer's states read through the final norm and the head",
        "nostalgebraist 2020",
        "tam.methods.logit_lens:logit_lens",
        "1 forward",
    ),
    Method(
        "grad-cam",
        "a layer's channels weighted by their mean gradient",
        "arXiv 1610.02391",
        "tam.methods.grad_cam:grad_cam",
        _ONE_EACH,
    ),
    Method(
        "eigen-cam",
        "a layer's states on their first principal direction; the same for every word",
        "arXiv 2008.00299",
        "tam.methods.eigen_cam:eigen_cam",
        "1 forward",
    ),
    Method(
        "smooth-grad-cam++",
        "Grad-CAM++ of gradients averaged over noisy pictures",
        "arXiv 1908.01224",
        "tam.methods.smooth_grad_cam:smooth_grad_cam",
        "9 forward, 8 backward a word",
    ),
    Method(
        "cf-cam",
        "Grad-CAM with channels clustered and gradients filtered in each cluster",
        "arXiv 2504.00060",
        "tam.methods.cf_cam:cf_cam",
        _ONE_EACH,
    ),
    Method(
        "llava-cam",
        "Grad-CAM with positive gradients, averaged over noisy pictures",
        "arXiv 2406.06579",
        "tam.methods.llava_cam:llava_cam",
        "8 forward, 8 backward a word",
    ),
    Method(
        "input-x-gradient",
        "the language model's input at the picture times its gradient",
        "arXiv 1605.01713",
        "tam.methods.input_x_gradient:input_x_gradient",
        _ONE_EACH,
    ),
    Method(
        "integrated-gradients",
        "the same integrated along the path from a picture without features",
        "arXiv 1703.01365",
        "tam.methods.integrated_gradients:integrated_gradients",
        "17 forward, 16 backward a word",
    ),
    Method(
        "attention",
        "attention weights from the word's position to the picture",
        "",
        "tam.methods.attention:attention",
        "1 forward",
    ),
    Method(
        "localization-heads",
        "attention of the few heads that look at one place, sinks left out",
        "arXiv 2503.06287",
        "tam.methods.localization_heads:localization_heads",
        "1 forward",
    ),
    Method(
        "rollout",
        "attention multiplied through all layers",
        "arXiv 2005.00928",
        "tam.methods.rollout:rollout",
        "1 forward",
    ),
    Method(
        "relevancy",
        "attention weighted with its gradients through all layers (Chefer et al.)",
        "arXiv 2103.15679",
        "tam.methods.relevancy:relevancy",
        _ONE_EACH,
    ),
    Method(
        "attn-lrp",
        "relevance propagated from the word back through attention, norms and gates",
        "arXiv 2402.05602",
        "tam.methods.attn_lrp:attn_lrp",
        _ONE_EACH,
    ),
    Method(
        "dex-ar",
        "gradients of attention layer by layer, from heads that look at the picture",
        "arXiv 2603.06302",
        "tam.methods.dex_ar:dex_ar",
        "1 forward, 1 backward a word through each of 10 layers alone",
    ),
    Method(
        "occlusion",
        "the loss of a word when a block of the grid is covered",
        "arXiv 1311.2901",
        "tam.methods.occlusion:occlusion",
        "1 forward for every 4 cells",
    ),
    Method(
        "superpixel-occlusion",
        "the loss of a word when a superpixel is covered",
        "doi 10.1109/TPAMI.2012.120",
        "tam.methods.superpixel_occlusion:superpixel_occlusion",
        "65 forward a picture",
    ),
    Method(
        "kernel-shap",
        "Shapley values of superpixels, from coalitions of them",
        "arXiv 1705.07874",
        "tam.methods.kernel_shap:kernel_shap",
        "258 forward",
    ),
    Method(
        "eagle",
        "greedy search for the superpixels that suffice and are necessary",
        "arXiv 2509.22496",
        "tam.methods.eagle:eagle",
        "about 550 forward a word",
    ),
    Method(
        "random",
        "control: noise",
        "",
        "tam.methods.controls:random",
        "nothing",
        replays=False,
    ),
    Method(
        "center",
        "control: the picture's center, the same for every word",
        "",
        "tam.methods.controls:center",
        "nothing",
        replays=False,
    ),
)

METHODS: Mapping[str, Method] = {method.name: method for method in _TABLE}
"""Every method of the toolkit by its name."""

ALIASES: Mapping[str, str] = {"cam": "activation"}
"""Other names of some methods."""

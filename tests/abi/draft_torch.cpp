/* Draft of an adapter to libtorch: proves by compiling that a C++ engine that throws maps to the ABI. It is not linked; the
 * real one, backends/torch, includes the engine's own headers. Below are only the few names that are used, reduced.
 *
 * What it showed: a script does not tell dtypes and shapes of its inputs, nor names of its outputs, so ports may say any;
 * all outputs are asked for by want_count 0; a running forward cannot be stopped, so cancel is optional and the cell is the
 * way out; the threads are the process', so is the number of them, one more reason for a cell; every function that the host
 * calls is a border that no exception crosses. */
#include <cstring>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "aether/backend.h"

/* --- the engine, as far as it is used --- */

namespace draft
{

enum class ScalarType : int8_t { Byte, Char, Short, Int, Long, Half, Float, Double, Bool = 11, BFloat16 = 15 };

struct Tensor {
    ScalarType scalar_type() const;
    std::vector<int64_t> sizes() const;
    Tensor contiguous() const;
    void *data_ptr() const;
    std::size_t nbytes() const;
};

struct IValue {
    IValue(Tensor tensor);
    bool isTensor() const;
    bool isTuple() const;
    Tensor toTensor() const;
    std::vector<IValue> tupleElements() const;
};

struct Module {
    IValue forward(std::vector<IValue> inputs);
    void eval();
    std::vector<std::string> forwardArguments() const; /* of the method's schema, without self */
    std::size_t parameterBytes() const;
};

Module load(const std::string &path);
Tensor from_blob(void *data, const std::vector<int64_t> &sizes, ScalarType type);
void set_num_threads(int threads);

struct InferenceMode {
    InferenceMode();
    ~InferenceMode();
};

} // namespace draft

/* --- the adapter --- */

namespace
{

const acb_host *host;

struct Port {
    std::string name;
    acb_port port;
};

struct Model {
    draft::Module module;
    std::vector<std::unique_ptr<Port>> inputs;
    std::vector<const acb_port *> input_ports;
    acb_port output;
    const acb_port *output_ports[1];
};

int32_t say(acb_err *err, int32_t code, const char *text)
{
    std::strncpy(err->text, text, sizeof(err->text) - 1);
    return code;
}

/* The border: whatever is thrown ends here. */
template <class Function> int32_t guarded(acb_err *err, Function function)
{
    try {
        return function();
    } catch (const std::bad_alloc &) {
        return say(err, ACB_NOMEM, "out of memory");
    } catch (const std::exception &e) {
        return say(err, ACB_FAILED, e.what());
    } catch (...) {
        return say(err, ACB_FAILED, "the engine threw something unknown");
    }
}

const struct {
    draft::ScalarType theirs;
    uint32_t ours;
} dtypes[] = {
    {draft::ScalarType::Byte, ACB_U8},       {draft::ScalarType::Char, ACB_I8},    {draft::ScalarType::Short, ACB_I16},
    {draft::ScalarType::Int, ACB_I32},       {draft::ScalarType::Long, ACB_I64},   {draft::ScalarType::Half, ACB_F16},
    {draft::ScalarType::Float, ACB_F32},     {draft::ScalarType::Double, ACB_F64}, {draft::ScalarType::Bool, ACB_BOOL},
    {draft::ScalarType::BFloat16, ACB_BF16},
};

acb_port any_port(const char *name, uint32_t flags)
{
    acb_port port = {};
    port.size = sizeof(port);
    port.dtype = ACB_DTYPE_ANY;
    port.rank = ACB_RANK_ANY;
    port.flags = flags;
    port.name = name;
    return port;
}

int32_t probe(const char *folder)
{
    return std::strstr(folder, ".pt") != nullptr ? 60 : 0;
}

int32_t model_open(const acb_model_open *open, void **ret, acb_err *err)
{
    return guarded(err, [&] {
        auto m =
            std::make_unique<Model>(Model{draft::load(open->folder), {}, {}, any_port(ACB_PORT_ANY, 0), {nullptr}});
        m->module.eval();
        for (const std::string &name : m->module.forwardArguments()) {
            auto port = std::make_unique<Port>(Port{name, {}});
            port->port = any_port(port->name.c_str(), 0);
            m->input_ports.push_back(&port->port);
            m->inputs.push_back(std::move(port));
        }
        m->output_ports[0] = &m->output;
        *ret = m.release();
        return ACB_OK;
    });
}

void model_close(void *model)
{
    delete static_cast<Model *>(model);
}

int32_t describe(void *model, acb_model_info *ret)
{
    const Model *m = static_cast<Model *>(model);
    ret->inputs = m->input_ports.data();
    ret->input_count = static_cast<uint32_t>(m->input_ports.size());
    ret->outputs = m->output_ports;
    ret->output_count = 1;
    return ACB_OK;
}

int32_t bytes(void *model, void *instance, acb_bytes *const *ret, uint32_t *count)
{
    *count = 0;
    if (instance == nullptr) {
        ret[0]->kind = ACB_BYTES_WEIGHTS;
        ret[0]->source = ACB_SOURCE_TOLD;
        ret[0]->bytes = static_cast<Model *>(model)->module.parameterBytes();
        *count = 1;
    }
    return ACB_OK;
}

/* A module has no state of a call: all instances are the module. */
int32_t instance_open(void *model, const acb_instance_open *open, void **ret, acb_err *err)
{
    if (open->mode != ACB_MODE_INFER) {
        return say(err, ACB_UNSUPPORTED, "scripts do not generate step by step");
    }
    *ret = model;
    return ACB_OK;
}

void instance_close(void *)
{
}

draft::Tensor borrow(const acb_tensor *t)
{
    for (const auto &row : dtypes) {
        if (row.ours == t->dtype) {
            return draft::from_blob(t->data, std::vector<int64_t>(t->shape, t->shape + t->rank), row.theirs);
        }
    }
    throw std::exception();
}

int32_t give(const acb_infer *infer, const std::string &name, const draft::IValue &value, acb_tensor **ret)
{
    if (!value.isTensor()) {
        return ACB_UNSUPPORTED;
    }
    draft::Tensor tensor = value.toTensor().contiguous();
    std::vector<int64_t> sizes = tensor.sizes();
    for (const auto &row : dtypes) {
        if (row.theirs == tensor.scalar_type()) {
            int32_t rc = host->tensor_new(host->ctx, infer->call, name.c_str(), row.ours,
                                          static_cast<uint32_t>(sizes.size()), sizes.data(), ret);
            if (rc == ACB_OK) {
                std::memcpy((*ret)->data, tensor.data_ptr(), tensor.nbytes());
            }
            return rc;
        }
    }
    return ACB_UNSUPPORTED;
}

/* The place among the results: "output_2" is the third. */
int32_t give_wanted(const acb_infer *infer, const std::vector<draft::IValue> &results, acb_tensor **outputs,
                    acb_err *err)
{
    uint32_t count = infer->want_count > 0 ? infer->want_count : static_cast<uint32_t>(results.size());
    for (uint32_t k = 0; k < count; k++) {
        std::string name = infer->want_count > 0 ? infer->wants[k]->name : "output_" + std::to_string(k);
        std::size_t at = name.rfind("output_", 0) == 0 ? std::stoul(name.substr(7)) : results.size();
        if (at >= results.size()) {
            return say(err, ACB_NOT_FOUND, "no such output");
        }
        acb_tensor *made = nullptr;
        int32_t rc = give(infer, name, results[at], &made);
        if (rc != ACB_OK) {
            return say(err, rc, "an output is no tensor, or there is no room for it");
        }
        if (infer->want_count > 0) {
            outputs[k] = made;
        }
    }
    return ACB_OK;
}

int32_t infer(void *instance, const acb_infer *infer, acb_tensor **outputs, acb_err *err)
{
    return guarded(err, [&] {
        draft::InferenceMode no_gradients;
        draft::set_num_threads(static_cast<int>(infer->cores));
        std::vector<draft::IValue> inputs;
        for (uint32_t k = 0; k < infer->input_count; k++) {
            inputs.emplace_back(borrow(infer->inputs[k])); /* in the order of the ports, in the real one */
        }
        draft::IValue result = static_cast<Model *>(instance)->module.forward(std::move(inputs));
        std::vector<draft::IValue> results =
            result.isTuple() ? result.tupleElements() : std::vector<draft::IValue>{result};
        return give_wanted(infer, results, outputs, err);
    });
}

acb_plugin make_table()
{
    acb_plugin p = {};
    p.size = sizeof(p);
    p.major = ACB_MAJOR;
    p.minor = ACB_MINOR;
    p.name = "torch";
    p.version = "0";
    p.summary = "TorchScript modules";
    p.flags = ACB_PLUGIN_CELL;
    p.probe = probe;
    p.model_open = model_open;
    p.model_close = model_close;
    p.describe = describe;
    p.bytes = bytes;
    p.instance_open = instance_open;
    p.instance_close = instance_close;
    p.infer = infer;
    return p;
}

const acb_plugin plugin = make_table();

} // namespace

extern "C" const acb_plugin *draft_torch_entry(const acb_host *given);

extern "C" const acb_plugin *draft_torch_entry(const acb_host *given)
{
    host = given;
    return &plugin;
}
